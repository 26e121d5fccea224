/* SPDX-License-Identifier: ISC */
/* A PVH guest: it has its own page tables and exceptions, and finds Xen by
 * CPUID (xen/arch-x86/cpuid.h). */
#include "kinds.h"
#include <xen/clock.h>
#include <xen/console.h>
#include <xen/events.h>
#include <xen/hypercall.h>
#include <arch/cpu.h>
#include <arch/pvh.h>
#include <arch/traps.h>
#include <mirage/bare.h>
#include <mirage/libc.h>
#include <mirage/panic.h>
#include <xen/memory.h>
#include <xen/sched.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/arch-x86/cpuid.h>

#define LEAF_STEP 0x100
#define LAST_LEAF 0x40010000u

/* Xen may follow the leaves of another hypervisor that it emulates. */
static uint32_t find_xen(void)
{
    for (uint32_t leaf = XEN_CPUID_FIRST_LEAF; leaf < LAST_LEAF;
         leaf += LEAF_STEP) {
        struct cpuid r = cpuid(leaf);

        if (r.b == XEN_CPUID_SIGNATURE_EBX && r.c == XEN_CPUID_SIGNATURE_ECX &&
            r.d == XEN_CPUID_SIGNATURE_EDX)
            return leaf;
    }
    return 0;
}

/* Without Xen there is no console for a message. */
static void fill_hypercall_page(void)
{
    uint32_t leaf = find_xen();

    if (leaf == 0)
        for (;;)
            __asm__ volatile("cli; hlt");
    wrmsr(cpuid(leaf + 2).b, (uintptr_t)hypercall_page);
}

static void place_shared_page(void)
{
    struct xen_add_to_physmap place = {
        .domid = DOMID_SELF,
        .space = XENMAPSPACE_shared_info,
        .gpfn = (uintptr_t)shared_page / BARE_PAGE,
    };

    HYPERCALL2_SURELY(__HYPERVISOR_memory_op, XENMEM_add_to_physmap, &place);
    events_mask();
}

static uint64_t parameter(uint32_t index)
{
    struct xen_hvm_param p = {.domid = DOMID_SELF, .index = index};

    HYPERCALL2_SURELY(__HYPERVISOR_hvm_op, HVMOP_get_param, &p);
    return p.value;
}

static struct ring_place ring(uint32_t page, uint32_t port)
{
    uint64_t at = parameter(page) * BARE_PAGE;

    require(bare_map(at, at, BARE_PAGE, READ_WRITE));
    return (struct ring_place){(void *)at, (uint32_t)parameter(port)};
}

bool guest_suspend(bool (*is_moved)(void))
{
    struct sched_shutdown request = {.reason = SHUTDOWN_suspend};

    if (xen.is_pv)
        return pv_suspend(is_moved);
    (void)HYPERCALL2(__HYPERVISOR_sched_op, SCHEDOP_shutdown, &request);
    fill_hypercall_page(); /* after migration, by the Xen that runs it now */
    if (!is_moved())
        return true;
    place_shared_page();
    xen.console.port = (uint32_t)parameter(HVM_PARAM_CONSOLE_EVTCHN);
    xen.store.port = (uint32_t)parameter(HVM_PARAM_STORE_EVTCHN);
    return true;
}

struct start *pvh_init(const struct hvm_start_info *info)
{
    static struct start start;

    fill_hypercall_page();
    traps_init();
    place_shared_page();
    clock_start();
    libc_start();
    set_thread_base(libc_thread_block);
    start_read_pvh(&start, info);
    pages_start(start.region, start.regions);
    xen.console = ring(HVM_PARAM_CONSOLE_PFN, HVM_PARAM_CONSOLE_EVTCHN);
    xen.store = ring(HVM_PARAM_STORE_PFN, HVM_PARAM_STORE_EVTCHN);
    console_start();
    return &start;
}
