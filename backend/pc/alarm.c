/* SPDX-License-Identifier: ISC */
/*
 * Nobody tells how fast the timer counts. Each time that it is set we see how
 * far it has come since the last time: it is at least as fast as that. So the
 * greatest rate that was seen is right or somewhat too low, and by it we are
 * woken early, if anything, and set the timer again for what is left.
 */
#include "alarm.h"
#include "interrupts.h"
#include <mirage/platform.h>

#define LOWEST  1000000u /* ticks a second; the slowest has some more */
#define INEXACT (2 * MICROSECOND)

static uint64_t rate = LOWEST;
static nanoseconds begun;
static uint32_t count;

static void begin(uint32_t length)
{
    begun = platform_now();
    count = length;
    timer_set(count);
}

/* What comes in between makes the rate look lower. */
static void learn(void)
{
    uint64_t counted = count - timer_left();
    nanoseconds length = platform_now() - begun + INEXACT;

    if (length > MILLISECOND && counted * SECOND / length > rate)
        rate = counted * SECOND / length;
}

void alarm_start(void)
{
    begin(UINT32_MAX);
}

void alarm_set(nanoseconds deadline)
{
    nanoseconds now, left;
    unsigned __int128 length;

    learn();
    now = platform_now();
    left = deadline > now ? deadline - now : 0;
    length = (unsigned __int128)left * rate / SECOND;
    begin(length == 0           ? 1
          : length > UINT32_MAX ? UINT32_MAX
                                : (uint32_t)length);
}
