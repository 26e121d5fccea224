/* SPDX-License-Identifier: ISC */
/* clock: the process's time. */
#ifndef UNIX_CLOCK_H
#define UNIX_CLOCK_H

/* Now is zero. Called once, before anything else. */
void clock_start(void);

#endif
