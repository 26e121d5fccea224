/* SPDX-License-Identifier: ISC */
/*
 * timer: moments to come, soonest first.
 *
 * An intrusive heap: adding and removing cost O(log n), each time, by the toss
 * of coins; no memory is needed beyond the timer itself. Timers of one deadline
 * leave in the order they came.
 */
#ifndef CORE_TIMER_H
#define CORE_TIMER_H

#include <mirage/time.h>
#include <stdbool.h>
#include <stdint.h>

struct timer {
    nanoseconds deadline;
    uint64_t turn; /* ties: the order of coming */
    struct timer *parent; /* NULL: soonest of all */
    struct timer *child[2]; /* these come later */
    bool is_set;
};

struct timers {
    struct timer *soonest;
    uint64_t turn;
    uint64_t coin;
};

/* Adds t, which must not be in a heap. Keeps t until it is removed. */
void timer_add(struct timers *all, struct timer *t, nanoseconds deadline);

/* Removes t if it is there. */
void timer_remove(struct timers *all, struct timer *t);

bool timer_is_set(const struct timer *t);

/* FOREVER if there is none. */
nanoseconds timers_deadline(const struct timers *all);

#endif
