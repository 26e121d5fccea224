/* SPDX-License-Identifier: ISC */
/*
 * time: a monotonic clock, a wall clock, and sleeping. An image has one of
 * each, so there is no handle.
 *
 * Times and lengths of time are whole nanoseconds in 64 bits: 584 years. A
 * deadline is a time of time_now. A deadline that has passed is no error: the
 * call does what it can without waiting.
 */
#ifndef MIRAGE_TIME_H
#define MIRAGE_TIME_H

#include <mirage/status.h>
#include <stdint.h>

typedef uint64_t nanoseconds;

#define MICROSECOND ((nanoseconds)1000)
#define MILLISECOND (1000 * MICROSECOND)
#define SECOND      (1000 * MILLISECOND)
#define FOREVER     UINT64_MAX /* a deadline that never passes */

nanoseconds time_now(void); /* since boot; never goes back */
nanoseconds time_wall(void); /* since 1970-01-01 UTC; may jump */

/* The time that is `length` from now; FOREVER if that is out of range. */
nanoseconds time_after(nanoseconds length);

/*
 * Blocks for at least this long; zero is fiber_yield. Fibers wake in the order
 * of their deadlines.
 *
 * ERR_CANCELLED: the fiber was cancelled, before or during the sleep. A loop
 * that sleeps should end then: later sleeps return at once.
 */
enum status time_sleep(nanoseconds length);

/* Blocks until the deadline. Otherwise as time_sleep. */
enum status time_sleep_until(nanoseconds deadline);

#endif
