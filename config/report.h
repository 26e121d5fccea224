/* SPDX-License-Identifier: ISC */
/*
 * report: what is told to mirage, which runs us: one fact a line, a word and
 * its values, separated by tabs; \t, \n and \\ in a value are escaped.
 */
#ifndef CONFIG_REPORT_H
#define CONFIG_REPORT_H

/* Finds where to report, and the target, from what mirage gave. */
void report_open(int argc, char **argv);

/* Ends with NULL. */
void report(const char *word, ...) __attribute__((sentinel));

/* Reports a number as a value. Good until the next sixteen calls. */
const char *report_number(long number);

/* The last fact: without it mirage knows that we did not get to the end. */
void report_done(void);

/* The file descriptor, for the crash handler; -1 where nobody listens. */
int report_descriptor(void);

#endif
