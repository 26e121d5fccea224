/* SPDX-License-Identifier: ISC */
/*
 * time: two clocks and a sleep.
 *
 * An image has one of each, so there is no handle.
 *
 * Times and lengths are whole nanoseconds in 64 bits: 584 years. A deadline
 * is a moment of time_now(); one that has passed is no error, it means "look,
 * but do not wait".
 */
#ifndef MIRAGE_TIME_H
#define MIRAGE_TIME_H

#include <mirage/status.h>
#include <stdint.h>

typedef uint64_t nanoseconds;

#define MICROSECOND ((nanoseconds)1000)
#define MILLISECOND (1000 * MICROSECOND)
#define SECOND      (1000 * MILLISECOND)
#define FOREVER     UINT64_MAX /* a deadline that never comes */

nanoseconds time_now(void); /* since boot; never goes back */
nanoseconds time_wall(void); /* since 1970-01-01 UTC; may jump */

/* The deadline that is length from now; FOREVER if that is out of range. */
nanoseconds time_after(nanoseconds length);

/*
 * Blocks the fiber for at least this long; zero lets the others run first.
 * Sleepers wake in the order of their deadlines.
 *
 * ERR_CANCELLED: the fiber was cancelled, before or during the sleep. A loop
 * that sleeps should end then: later sleeps do not last.
 */
enum status time_sleep(nanoseconds length);

/* The same, up to a deadline. */
enum status time_sleep_until(nanoseconds deadline);

#endif
