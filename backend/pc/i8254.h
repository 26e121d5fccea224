/* SPDX-License-Identifier: ISC */
/* i8254: a clock by the TSC, whose rate is measured with the i8254 timer. */
#ifndef PC_I8254_H
#define PC_I8254_H

#include <mirage/time.h>

/* Starts the clock. Panics if there is no i8254. */
void i8254_start(void);

/* Returns the time since i8254_start, monotonic. */
nanoseconds i8254_now(void);

/* Returns the time by which i8254_now must be called again, or it will err.
 * FOREVER: never. */
nanoseconds i8254_next_reading(void);

#endif
