/* SPDX-License-Identifier: ISC */
/* clock: the clocks of a PC. */
#ifndef PC_CLOCK_H
#define PC_CLOCK_H

#include <mirage/time.h>

/* Starts the monotonic clock at 0. */
void clock_start(void);

/* Returns the time by which platform_now must be called again for the clock to
 * stay right. FOREVER: it need not be. */
nanoseconds clock_next_reading(void);

/* Logs which clock is used. */
void clock_report(void);

#endif
