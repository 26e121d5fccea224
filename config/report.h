/* SPDX-License-Identifier: ISC */
/*
 * report: what mirage reads from this program: one fact a line, a word and its
 * values in the form of mirage/line.h.
 */
#ifndef CONFIG_REPORT_H
#define CONFIG_REPORT_H

#include <stddef.h>

/* Reports to the file descriptor with that number, in decimal. */
void report_open(const char *fd);

/* Adds a fact: its word, and the values up to NULL. */
void report(const char *word, ...) __attribute__((sentinel));

/* The text of a number, for report. Valid until the next sixteen calls. */
const char *report_number(long number);

/* Ends the report and sends it. Without this last fact mirage knows that
 * configure() has not returned. */
void report_done(void);

/* Ends the program after a message on standard error, and tells mirage that
 * there was one. */
void report_failure(void) __attribute__((noreturn));

/* Sends text to mirage at once. Async-signal-safe. */
void report_send(const char *text, size_t len);

#endif
