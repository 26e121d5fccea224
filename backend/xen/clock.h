/* SPDX-License-Identifier: ISC */
/* clock: Xen's, which it keeps in the shared page. */
#ifndef XEN_CLOCK_H
#define XEN_CLOCK_H

#include <mirage/time.h>

/* Time begins. The shared page is there. */
void clock_start(void);

/* A deadline as Xen's timers want it: its own time, 0 for never. */
uint64_t clock_timeout(nanoseconds deadline);

#endif
