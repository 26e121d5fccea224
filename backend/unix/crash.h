/* SPDX-License-Identifier: ISC */
#ifndef UNIX_CRASH_H
#define UNIX_CRASH_H

/* From now on a fault ends in a crash report. */
void crash_catch(void);

#endif
