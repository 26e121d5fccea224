/* SPDX-License-Identifier: ISC */
/* i8254: a clock that reads the TSC, whose rate it measures with the i8254. */
#ifndef PC_I8254_H
#define PC_I8254_H

#include <mirage/time.h>

/* Starts the clock. Panics if there is no i8254. */
void i8254_start(void);

/* Returns the time since i8254_start, monotonic. */
nanoseconds i8254_now(void);

/* Returns the time by which i8254_now must be called again for the clock to
 * stay right. FOREVER: it need not be. */
nanoseconds i8254_next_reading(void);

#endif
