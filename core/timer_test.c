/* SPDX-License-Identifier: ISC */
#include "timer.c"
#include "check.h"
#include <mirage/random.h>

TEST(timers_leave_soonest_first)
{
    static struct timer t[5000];
    struct timers all = {0};
    nanoseconds last = 0;
    size_t left = 0;

    for (size_t i = 0; i < 5000; i++)
        timer_add(&all, &t[i], random_below(1000));
    for (size_t i = 0; i < 5000; i += 3)
        timer_remove(&all, &t[i]);
    for (size_t i = 0; i < 5000; i++)
        CHECK(timer_is_set(&t[i]) == (i % 3 != 0));
    while (all.soonest) {
        CHECK(all.soonest->deadline >= last);
        last = all.soonest->deadline;
        timer_remove(&all, all.soonest);
        left++;
    }
    CHECK(left == 3333);
    CHECK(timers_deadline(&all) == FOREVER);
}

TEST(timers_of_one_deadline_leave_in_the_order_they_came)
{
    struct timer t[100];
    struct timers all = {0};

    for (size_t i = 0; i < 100; i++)
        timer_add(&all, &t[i], 7);
    for (size_t i = 0; i < 100; i++) {
        CHECK(all.soonest == &t[i]);
        timer_remove(&all, all.soonest);
    }
}

TEST(a_timer_that_is_not_there_can_be_removed)
{
    struct timer t = {0};
    struct timers all = {0};

    timer_remove(&all, &t);
    CHECK(!timer_is_set(&t));
}
