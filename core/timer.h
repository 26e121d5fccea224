/* SPDX-License-Identifier: ISC */
/*
 * timer: an intrusive priority queue of deadlines. Adding and removing take
 * O(log n) expected time, and no memory but the timer itself. Timers of one
 * deadline are in the order in which they were added.
 */
#ifndef CORE_TIMER_H
#define CORE_TIMER_H

#include <mirage/time.h>
#include <stdbool.h>
#include <stdint.h>

struct timer {
    nanoseconds deadline;
    uint64_t turn; /* order of adding, for equal deadlines */
    struct timer *parent; /* NULL: the root */
    struct timer *child[2]; /* none is sooner than this */
    bool is_set;
};

struct timers {
    struct timer *soonest;
    uint64_t turn;
    uint64_t coin; /* state of the random path */
};

/* Adds t, which must not be in a queue. Keeps t until it is removed. */
void timer_add(struct timers *all, struct timer *t, nanoseconds deadline);

/* Removes t; does nothing if it is not in the queue. */
void timer_remove(struct timers *all, struct timer *t);

bool timer_is_set(const struct timer *t);

/* The soonest deadline; FOREVER if there is no timer. */
nanoseconds timers_deadline(const struct timers *all);

#endif
