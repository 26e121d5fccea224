/* SPDX-License-Identifier: ISC */
#include "clock.h"
#include "guest.h"
#include <arch/cpu.h>
#include <mirage/platform.h>
#include <xen/xen.h>

static nanoseconds start; /* in Xen's time, which began when Xen did; of one
                             that is younger than the image, less than none */
static nanoseconds stopped;

void clock_start(void)
{
    start = clock_system_time();
}

/* Xen's time may differ by a little from one processor to another. */
nanoseconds platform_now(void)
{
    static nanoseconds last;
    nanoseconds now = clock_system_time() - start;

    if (now > last)
        last = now;
    return last;
}

void clock_stop(void)
{
    stopped = platform_now();
}

void clock_go_on(void)
{
    start = clock_system_time() - stopped;
}

uint64_t clock_timeout(nanoseconds deadline)
{
    return deadline < FOREVER / 2 ? deadline + start : 0;
}

/* Xen tells when, in UTC, its own time began. */
nanoseconds platform_wall(void)
{
    const volatile struct shared_info *s = guest_shared();
    uint32_t version;
    nanoseconds began;

    do {
        version = s->wc_version;
        load_fence();
        began = (s->wc_sec | (uint64_t)s->wc_sec_hi << 32) * SECOND +
                s->wc_nsec;
        load_fence();
    } while ((version & 1) || version != s->wc_version);
    return began + clock_system_time();
}

/* A hypervisor tells of the time that it has taken in ways of its own. */
bool platform_was_held(nanoseconds length)
{
    (void)length;
    return false;
}
