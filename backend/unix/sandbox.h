/* SPDX-License-Identifier: ISC */
/* sandbox: what --sandbox requires of the threads of drivers. */
#ifndef UNIX_SANDBOX_H
#define UNIX_SANDBOX_H

#include <signal.h>

/* Sent by sandbox_enter to each other thread, which drops its capabilities in
 * the handler. A thread that was started before must not block it. */
#define SANDBOX_SIGNAL SIGRTMAX

#endif
