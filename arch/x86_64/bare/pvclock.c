/* SPDX-License-Identifier: ISC */
/* Reading the paravirtual clock of Xen and KVM: a base time and the TSC since.
 * */
#include <arch/pvclock.h>
#include <arch/cpu.h>
#include <xen/xen.h>

nanoseconds pvclock_at(const volatile struct vcpu_time_info *page,
                       uint64_t tsc)
{
    uint64_t passed = tsc - page->tsc_timestamp;

    if (page->tsc_shift >= 0)
        passed <<= page->tsc_shift;
    else
        passed >>= -page->tsc_shift;
    return page->system_time +
           (uint64_t)((unsigned __int128)passed * page->tsc_to_system_mul >>
                      32);
}

/* The version is odd while the hypervisor writes the page. */
nanoseconds pvclock_now(const volatile struct vcpu_time_info *page)
{
    uint32_t version;
    nanoseconds now;

    do {
        version = page->version;
        load_fence();
        now = pvclock_at(page, rdtsc());
        load_fence();
    } while ((version & 1) || version != page->version);
    return now;
}
