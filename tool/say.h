/* SPDX-License-Identifier: ISC */
/* say: how mirage speaks, and how it gives up. */
#ifndef TOOL_SAY_H
#define TOOL_SAY_H

#include <stddef.h>

/* Exit statuses: of a command that failed, and of one that makes no sense. */
enum { FAILED = 1,
       MISUSED = 2 };

/* "mirage: ..." on standard error. */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The same, and the end. */
void die(int status, const char *fmt, ...)
    __attribute__((noreturn, format(printf, 2, 3)));

/* Ends with MISUSED: word is no KIND; did you mean the nearest of the list,
 * which ends with NULL? What there is is listed. */
void die_unknown(const char *kind, const char *word, const char *const *list)
    __attribute__((noreturn));

/* Memory and texts that live to the end; the program ends if there is none. */
void *get_memory(size_t size);
char *text_of(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
