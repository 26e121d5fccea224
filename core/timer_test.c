/* SPDX-License-Identifier: ISC */
/* Tests of the queue of timers. */
#include "timer.c"
#include "check.h"
#include <mirage/random.h>

TEST(the_soonest_timer_is_first)
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

TEST(timers_of_one_deadline_keep_the_order_in_which_they_were_added)
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

TEST(removing_a_timer_that_is_not_set_has_no_effect)
{
    struct timer t = {0};
    struct timers all = {0};

    timer_remove(&all, &t);
    CHECK(!timer_is_set(&t));
}
