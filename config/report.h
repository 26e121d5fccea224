/* SPDX-License-Identifier: ISC */
/*
 * report: what is told to mirage, which runs us: one fact a line, a word and
 * its values, separated by tabs; \t, \n and \\ in a value are escaped.
 */
#ifndef CONFIG_REPORT_H
#define CONFIG_REPORT_H

#include <stddef.h>

/* Finds where to report, and the target, from what mirage gave. */
void report_open(int argc, char **argv);

/* Ends with NULL. */
void report(const char *word, ...) __attribute__((sentinel));

/* Reports a number as a value. Good until the next sixteen calls. */
const char *report_number(long number);

/* The last fact: without it mirage knows that we did not get to the end. */
void report_done(void);

/* Ends the program; why, it has said on standard error. */
void report_failure(void) __attribute__((noreturn));

/* Tells mirage at once, as it stands; fit for signal handlers. */
void report_send(const char *text, size_t len);

#endif
