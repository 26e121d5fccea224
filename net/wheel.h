/* SPDX-License-Identifier: ISC */
/*
 * wheel: the timers of a stack. Setting, moving and clearing one takes constant
 * time.
 *
 * A tick is about a millisecond. A timer expires up to one tick late, never
 * early; its callback runs in the fiber of the wheel.
 */
#ifndef NET_WHEEL_H
#define NET_WHEEL_H

#include <mirage/fiber.h>
#include <mirage/time.h>
#include <stdbool.h>
#include <stdint.h>

#define WHEEL_LEVELS 4
#define WHEEL_SLOTS  64

/* Set `expired` and ctx, and zero the rest. Must exist while it is set. */
struct wheel_timer {
    void (*expired)(void *ctx); /* must not block */
    void *ctx;
    nanoseconds deadline; /* while it is set */
    struct wheel_timer *next; /* private to wheel.c, from here on */
    struct wheel_timer **link; /* the pointer to it; NULL: not set */
    uint8_t level, slot;
};

struct wheel {
    uint64_t tick; /* timers up to it have expired */
    uint64_t occupied[WHEEL_LEVELS];
    struct wheel_timer *slot[WHEEL_LEVELS][WHEEL_SLOTS];
    nanoseconds awaited; /* the fiber wakes then */
    struct waiters fiber;
    struct fiber *turner; /* wheel_start's */
};

/* Initialises w, and starts the fiber that runs it. Keeps w. ERR_NO_MEMORY. */
MUST_CHECK enum status wheel_start(struct wheel *w);

/* Stops the fiber; no timer expires any more. Blocks. */
void wheel_stop(struct wheel *w);

/* Sets t to expire at the deadline, or moves it there. Keeps t. */
void wheel_set(struct wheel *w, struct wheel_timer *t, nanoseconds deadline);

/* Stops t. No effect on a timer that is not set. */
void wheel_clear(struct wheel *w, struct wheel_timer *t);

bool wheel_is_set(const struct wheel_timer *t);

/* In place of wheel_start, without a fiber: initialises w; returns when to call
 * wheel_turn next (FOREVER: never); expires the timers that are due. */
void wheel_init(struct wheel *w, nanoseconds now);
nanoseconds wheel_next(const struct wheel *w);
void wheel_turn(struct wheel *w, nanoseconds now);

#endif
