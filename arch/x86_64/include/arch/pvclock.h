/* SPDX-License-Identifier: ISC */
/*
 * pvclock: a clock that the hypervisor keeps for its guests in a page of
 * memory. Xen's (struct vcpu_time_info in xen/xen.h) and KVM's
 * (Linux's Documentation/virt/kvm/x86/msr.rst) have the same layout.
 */
#ifndef ARCH_PVCLOCK_H
#define ARCH_PVCLOCK_H

#include <mirage/time.h>

struct vcpu_time_info;

/*
 * The hypervisor's time when the processor's counter is tsc; tsc must be read
 * no earlier than the page was last written.
 */
nanoseconds pvclock_at(const volatile struct vcpu_time_info *page,
                       uint64_t tsc);

/* The hypervisor's time now; consistent, however often it writes. */
nanoseconds pvclock_now(const volatile struct vcpu_time_info *page);

#endif
