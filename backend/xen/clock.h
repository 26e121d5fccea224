/* SPDX-License-Identifier: ISC */
/* clock: Xen's, which it keeps in the shared page. */
#ifndef XEN_CLOCK_H
#define XEN_CLOCK_H

#include <mirage/time.h>

/* Time begins. The shared page is there. */
void clock_start(void);

/* Time stands still from here to there, whoever's time Xen's is then. The
 * wall's does not: it is asked for anew. */
void clock_stop(void);
void clock_go_on(void);

/* Xen's system time, which is what its timers count: since Xen was started. The
 * processor's part of the back end gives it. */
nanoseconds clock_system_time(void);

/* A deadline as Xen's timers want it: its own time, 0 for never. */
uint64_t clock_timeout(nanoseconds deadline);

#endif
