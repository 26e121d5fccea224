/* SPDX-License-Identifier: ISC */
/* The timer interrupt, with a timer of 62.5 MHz in simulated time. */
#include "interrupts.h"
#include <mirage/platform.h>
#define timer_set    tested_set
#define timer_left   tested_left
#define platform_now tested_now

static void tested_set(uint32_t count);
static uint32_t tested_left(void);
static nanoseconds tested_now(void);

#include "alarm.c"
#include "muldiv.c"
#include "check.h"
#include <mirage/macros.h>

#define TICK 16 /* nanoseconds */

static nanoseconds now, ends_at; /* FOREVER: the timer does not run */
static unsigned sets;

static void tested_set(uint32_t length)
{
    sets++;
    ends_at = now + (nanoseconds)length * TICK;
}

static uint32_t tested_left(void)
{
    return ends_at == FOREVER ? 0 : (uint32_t)((ends_at - now) / TICK);
}

static nanoseconds tested_now(void)
{
    return now;
}

/* Waits as machine_wait does, for an interrupt until end at most. */
static void idle(nanoseconds deadline, nanoseconds end)
{
    alarm_set(deadline);
    now = min(end, ends_at);
    if (now == ends_at) {
        ends_at = FOREVER;
        alarm_ended();
    }
}

/* Waits until the deadline, however often the timer interrupts before. */
static void sleep_until(nanoseconds deadline)
{
    for (int i = 0; i < 1000 && now < deadline; i++)
        idle(deadline, FOREVER);
}

static void begin_test(void)
{
    ends_at = FOREVER;
    alarm_ended();
    alarm_start();
    sleep_until(now + 100 * MILLISECOND); /* it learns the rate */
    sets = 0;
}

TEST(a_deadline_is_met)
{
    begin_test();
    for (nanoseconds length = MICROSECOND; length < 100 * SECOND; length *= 7) {
        nanoseconds deadline = now + length;

        sleep_until(deadline);
        CHECK(now >= deadline);
        CHECK(now < deadline + 2 * MICROSECOND + length / 1000);
    }
}

TEST(an_earlier_deadline_sets_the_timer_again)
{
    nanoseconds end;

    begin_test();
    end = now + SECOND;
    idle(now + SECOND, now + MILLISECOND);
    CHECK(sets == 1);
    idle(now + 10 * MILLISECOND, FOREVER);
    CHECK(sets == 2);
    CHECK(now < end - SECOND / 2);
}

TEST(a_deadline_that_is_moved_on_and_on_rarely_sets_the_timer)
{
    nanoseconds end;

    begin_test();
    end = now + SECOND;
    while (now < end)
        idle(now + 20 * MILLISECOND, now + 100 * MICROSECOND);
    CHECK(sets > 0 && sets <= 60);
    sleep_until(now + 20 * MILLISECOND);
    CHECK(now >= end + 20 * MILLISECOND);
}
