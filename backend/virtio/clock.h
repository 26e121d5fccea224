/* SPDX-License-Identifier: ISC */
/* clock: time, and being woken, on a PC. */
#ifndef VIRTIO_CLOCK_H
#define VIRTIO_CLOCK_H

#include <mirage/time.h>

/* Time begins. */
void clock_start(void);

/* Logs whose time it is. */
void clock_report(void);

/* Lets the timer interrupt at the deadline, or somewhat earlier. */
void clock_wake_at(nanoseconds deadline);

#endif
