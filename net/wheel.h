/* SPDX-License-Identifier: ISC */
/*
 * wheel: the timers of a stack, set, moved and cleared in constant time.
 *
 * A hierarchical timing wheel (Varghese and Lauck, 1987) that counts in ticks
 * of about a millisecond; a timer rings up to one tick late, never early. What
 * rings runs in the wheel's own fiber, and must not block.
 */
#ifndef NET_WHEEL_H
#define NET_WHEEL_H

#include <mirage/fiber.h>
#include <mirage/time.h>
#include <stdbool.h>
#include <stdint.h>

#define WHEEL_LEVELS 4
#define WHEEL_SLOTS  64

/* Zeroed is ready for use, with ring and ctx set; kept while it is set. */
struct wheel_timer {
    void (*ring)(void *ctx);
    void *ctx;
    nanoseconds deadline; /* while it is set */
    struct wheel_timer *next; /* the wheel's own */
    struct wheel_timer **link; /* what points to it; NULL: not set */
    uint8_t level, slot;
};

struct wheel {
    uint64_t tick; /* all before it have rung */
    uint64_t occupied[WHEEL_LEVELS];
    struct wheel_timer *slot[WHEEL_LEVELS][WHEEL_SLOTS];
    nanoseconds awaited; /* by the fiber */
    struct waiters fiber;
};

/* Makes w ready and starts its fiber. Keeps w. ERR_NO_MEMORY. */
MUST_CHECK enum status wheel_start(struct wheel *w);

/* Sets t to ring at the deadline, or moves it there. Keeps t. */
void wheel_set(struct wheel *w, struct wheel_timer *t, nanoseconds deadline);

/* No effect on a timer that is not set. */
void wheel_clear(struct wheel *w, struct wheel_timer *t);

bool wheel_is_set(const struct wheel_timer *t);

/* For those who do without the fiber: the moment of the next turn (FOREVER:
 * none), and the turn. */
void wheel_init(struct wheel *w, nanoseconds now);
nanoseconds wheel_next(const struct wheel *w);
void wheel_turn(struct wheel *w, nanoseconds now);

#endif
