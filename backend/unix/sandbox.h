/* SPDX-License-Identifier: ISC */
/* sandbox: what the drivers' threads have to do for --sandbox. */
#ifndef UNIX_SANDBOX_H
#define UNIX_SANDBOX_H

#include <signal.h>

/* By which sandbox_enter has each thread give up its capabilities. A thread
 * that is started before must not block it. */
#define SANDBOX_SIGNAL SIGRTMAX

#endif
