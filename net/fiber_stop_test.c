/* SPDX-License-Identifier: ISC */
/* The end of a layer's own fiber, by one that may itself be cancelled. */
#include "check.h"
#include "fiber_stop.h"
#include <mirage/time.h>

static struct fiber *inner, *outer;
static bool has_ended;
static nanoseconds length; /* that outer sleeps afterwards */
static enum status slept;

/* Ends a while after it was cancelled. */
static void run_inner(void *ctx)
{
    (void)ctx;
    while (time_sleep(FOREVER) != ERR_CANCELLED)
        continue;
    fiber_shield();
    CHECK(time_sleep(20 * MILLISECOND) == OK);
    fiber_unshield();
    has_ended = true;
}

static void run_outer(void *ctx)
{
    (void)ctx;
    fiber_stop(inner);
    CHECK(has_ended);
    slept = time_sleep(length);
}

static void begin(nanoseconds sleeps)
{
    has_ended = false;
    length = sleeps;
    slept = OK;
    CHECK(fiber_spawn(&(struct fiber_options){"inner", 0}, run_inner, NULL,
                      &inner) == OK);
    CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(fiber_spawn(&(struct fiber_options){"outer", 0}, run_outer, NULL,
                      &outer) == OK);
}

TEST(the_end_is_waited_for)
{
    begin(MILLISECOND);
    CHECK(fiber_join(outer, FOREVER) == OK);
    CHECK(has_ended && slept == OK);
}

TEST(one_that_is_cancelled_meanwhile_waits_for_it_too)
{
    begin(5 * SECOND);
    CHECK(time_sleep(5 * MILLISECOND) == OK && !has_ended);
    fiber_cancel(outer);
    CHECK(fiber_join(outer, FOREVER) == OK);
    CHECK(has_ended && slept == ERR_CANCELLED);
}

TEST(one_can_be_cancelled_afterwards)
{
    begin(5 * SECOND);
    while (!has_ended)
        CHECK(time_sleep(5 * MILLISECOND) == OK);
    CHECK(time_sleep(5 * MILLISECOND) == OK);
    fiber_cancel(outer);
    CHECK(fiber_join(outer, FOREVER) == OK && slept == ERR_CANCELLED);
}

TEST(without_a_fiber_nothing_is_done)
{
    fiber_stop(NULL);
}
