/* SPDX-License-Identifier: ISC */
/*
 * Xen's system time on x86: a base in the shared page, and the TSC since then
 * (xen/xen.h, struct vcpu_time_info).
 */
#include <arch/pvclock.h>
#include <xen/clock.h>
#include <xen/guest.h>
#include <xen/xen.h>

nanoseconds clock_system_time(void)
{
    return pvclock_now(&guest_shared()->vcpu_info[0].time);
}
