/* SPDX-License-Identifier: ISC */
/* kvmclock: the clock that KVM keeps for its guests. */
#ifndef PC_KVMCLOCK_H
#define PC_KVMCLOCK_H

#include <mirage/time.h>
#include <stdbool.h>

/* Starts the clock. False: there is none. */
bool kvmclock_start(void);

nanoseconds kvmclock_now(void); /* since kvmclock_start */
nanoseconds kvmclock_wall(void); /* since 1970 */

#endif
