/* SPDX-License-Identifier: ISC */
/* shutdown: obeys `xl shutdown`, `xl reboot` and `xl save`. */
#ifndef XEN_SHUTDOWN_H
#define XEN_SHUTDOWN_H

/* Starts the fiber that obeys. It runs once fibers do. */
void shutdown_start(void);

/* The reason (xen/sched.h) for a successful end of the image: the one that was
 * requested, or SHUTDOWN_poweroff. */
unsigned shutdown_reason(void);

#endif
