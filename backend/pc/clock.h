/* SPDX-License-Identifier: ISC */
/* clock: the time of a PC. */
#ifndef PC_CLOCK_H
#define PC_CLOCK_H

#include <mirage/time.h>

/* Time begins. */
void clock_start(void);

/* platform_now must be called by then; FOREVER: whenever somebody wants. */
nanoseconds clock_look(void);

/* Logs whose time it is. */
void clock_report(void);

#endif
