/* SPDX-License-Identifier: ISC */
/* alarm: being woken in time. */
#ifndef PC_ALARM_H
#define PC_ALARM_H

#include <mirage/time.h>

/* The timer begins to count; interrupts_init has been called. */
void alarm_start(void);

/* Lets the timer interrupt at the deadline, or somewhat earlier. */
void alarm_set(nanoseconds deadline);

#endif
