/* SPDX-License-Identifier: ISC */
/* The clocks of a guest: Xen's system time, and the wall time of its start. */
#include "clock.h"
#include "guest.h"
#include <arch/cpu.h>
#include <mirage/platform.h>
#include <xen/xen.h>

static nanoseconds start; /* in system time; wraps below 0 after migration to a
                             Xen that is younger than the image */
static nanoseconds stopped;

void clock_start(void)
{
    start = clock_system_time();
}

/* Monotonic, although system time may differ between the host's processors. */
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

void clock_resume(void)
{
    start = clock_system_time() - stopped;
}

uint64_t clock_timeout(nanoseconds deadline)
{
    return deadline < FOREVER / 2 ? deadline + start : 0;
}

/* The shared page has the wall time of system time 0; its version is odd while
 * Xen writes it. */
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

/* Not known: Xen has an interface of its own for stolen time. */
bool platform_was_held(nanoseconds length)
{
    (void)length;
    return false;
}
