/* SPDX-License-Identifier: ISC */
/*
 * The rate of the local APIC's timer is not known. Each time that it is set,
 * its progress since the last time gives a lower bound. The greatest bound is
 * used, so the timer interrupts early, if anything, and is set again for the
 * rest. A timer that runs is never set to a later time: setting it costs more
 * than an interrupt now and then, as most deadlines are moved before they pass.
 */
#include "alarm.h"
#include "interrupts.h"
#include "muldiv.h"
#include <mirage/platform.h>

#define LOWEST  1000000u /* ticks a second; every timer is faster */
#define INEXACT (2 * MICROSECOND)

static uint64_t rate = LOWEST;
static nanoseconds begun;
static uint32_t count;
static nanoseconds alarm_deadline = FOREVER; /* FOREVER: it does not run */

static void begin(uint32_t length)
{
    begun = platform_now();
    count = length;
    timer_set(count);
}

/* A delay between the two readings can only lower the bound. */
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

void alarm_ended(void)
{
    alarm_deadline = FOREVER;
}

void alarm_set(nanoseconds deadline)
{
    nanoseconds now, left;
    uint64_t length;

    if (deadline >= alarm_deadline)
        return;
    alarm_deadline = deadline;
    learn();
    now = platform_now();
    left = deadline > now ? deadline - now : 0;
    length = muldiv(left, rate, SECOND);
    begin(length == 0           ? 1
          : length > UINT32_MAX ? UINT32_MAX
                                : (uint32_t)length);
}
