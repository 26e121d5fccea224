/* SPDX-License-Identifier: ISC */
/*
 * restart: limits how often a driver starts its device again because the host
 * asks for it, so that a host that asks without end does not keep the image and
 * its log busy: ten times at once, and then once a second.
 */
#ifndef MIRAGE_RESTART_H
#define MIRAGE_RESTART_H

#include <mirage/status.h>
#include <mirage/time.h>

/* Of one device. Zeroed, nothing was started again yet. */
struct restarts {
    nanoseconds paid_until; /* core/restart.c's own */
};

/*
 * Blocks until the device may be started again, and counts that. ERR_CANCELLED:
 * the fiber was asked to end.
 */
MUST_CHECK enum status restart_wait(struct restarts *r);

#endif
