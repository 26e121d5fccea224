/* SPDX-License-Identifier: ISC */
/*
 * pvclock: the clock that Xen (xen/xen.h, struct vcpu_time_info) and KVM
 * (Linux's Documentation/virt/kvm/x86/msr.rst) keep for guests in a page of
 * memory, of the same layout.
 */
#ifndef ARCH_PVCLOCK_H
#define ARCH_PVCLOCK_H

#include <mirage/time.h>

struct vcpu_time_info;

/*
 * Returns the hypervisor's time for this value of the TSC, which must have been
 * read after the page was last written.
 */
nanoseconds pvclock_at(const volatile struct vcpu_time_info *page,
                       uint64_t tsc);

/* Returns the hypervisor's time now; reads again if the page has changed. */
nanoseconds pvclock_now(const volatile struct vcpu_time_info *page);

#endif
