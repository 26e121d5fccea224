/* SPDX-License-Identifier: ISC */
#ifndef UNIX_CRASH_H
#define UNIX_CRASH_H

/* From now on a fault ends in a crash report. */
void crash_catch(void);

/*
 * From now on no other program can be started, and SIGSYS tells of a call that
 * was refused, whose name is asked for by its number (NULL: it has none).
 */
void crash_in_sandbox(const char *(*name_of_call)(int call));

#endif
