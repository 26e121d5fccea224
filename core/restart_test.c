/* SPDX-License-Identifier: ISC */
/* The rate at which a device is started again, on a clock of the test. */
#include <mirage/time.h>
#define time_now   tested_now
#define time_sleep tested_sleep
static nanoseconds tested_now(void);
static enum status tested_sleep(nanoseconds length);
#include "restart.c"
#undef time_now
#undef time_sleep
#include "check.h"

static nanoseconds now, slept;
static enum status answer;

static nanoseconds tested_now(void)
{
    return now;
}

static enum status tested_sleep(nanoseconds length)
{
    slept += length;
    now += length;
    return answer;
}

/* Starts again `count` times. Returns how long that waits. */
static nanoseconds wait_for(struct restarts *r, int count)
{
    slept = 0;
    for (int i = 0; i < count; i++)
        CHECK(restart_wait(r) == OK);
    return slept;
}

TEST(ten_restarts_are_free_and_each_further_one_takes_a_second)
{
    struct restarts r = {0};

    now = 1000 * SECOND;
    answer = OK;
    CHECK(wait_for(&r, 10) == 0);
    CHECK(wait_for(&r, 1) == SECOND);
    CHECK(wait_for(&r, 5) == 5 * SECOND);
}

TEST(a_second_without_a_restart_allows_one_and_a_long_time_ten)
{
    struct restarts r = {0};

    now = 5 * SECOND;
    answer = OK;
    CHECK(wait_for(&r, 10) == 0);
    now += 3 * SECOND;
    CHECK(wait_for(&r, 3) == 0);
    CHECK(wait_for(&r, 1) == SECOND);
    now += 1000 * SECOND;
    CHECK(wait_for(&r, 10) == 0);
    CHECK(wait_for(&r, 1) == SECOND);
}

TEST(the_status_of_a_wait_that_is_cancelled_is_returned)
{
    struct restarts r = {0};

    now = SECOND;
    CHECK(wait_for(&r, 10) == 0);
    answer = ERR_CANCELLED;
    CHECK(restart_wait(&r) == ERR_CANCELLED);
}
