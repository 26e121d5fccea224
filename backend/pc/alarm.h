/* SPDX-License-Identifier: ISC */
/* alarm: the timer interrupt that ends idling. */
#ifndef PC_ALARM_H
#define PC_ALARM_H

#include <mirage/time.h>

/* Starts the timer. interrupts_start must have been called. */
void alarm_start(void);

/* Sets the timer to interrupt at the deadline or earlier. */
void alarm_set(nanoseconds deadline);

/* To be called when it has interrupted. */
void alarm_ended(void);

#endif
