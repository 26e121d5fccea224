/* SPDX-License-Identifier: ISC */
/* clock: the image's clocks by Xen's system time and the shared page. */
#ifndef XEN_CLOCK_H
#define XEN_CLOCK_H

#include <mirage/time.h>

/* Starts the monotonic clock at 0. The shared page must be mapped. */
void clock_start(void);

/* Stops the monotonic clock while the guest is suspended, and resumes it, even
 * on another host, whose system time differs. Wall time is read anew. */
void clock_stop(void);
void clock_resume(void);

/* Returns Xen's system time: nanoseconds since Xen was started. Defined for
 * each processor. */
nanoseconds clock_system_time(void);

/* Converts a deadline for Xen's timers: to system time, or 0 for never. */
uint64_t clock_timeout(nanoseconds deadline);

#endif
