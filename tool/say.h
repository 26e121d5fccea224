/* SPDX-License-Identifier: ISC */
/* say: messages on standard error, and ends of the program. */
#ifndef TOOL_SAY_H
#define TOOL_SAY_H

#include <stddef.h>

/* Exit statuses: the command failed; its arguments make no sense. */
enum { FAILED = 1,
       MISUSED = 2 };

/* Prints a line "mirage: ..." on standard error. */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The same, then ends the program with that status. */
void die(int status, const char *fmt, ...)
    __attribute__((noreturn, format(printf, 2, 3)));

/* Ends the program with MISUSED and a message: word is not a `kind`. It
 * suggests the nearest word of the list, which ends with NULL, and prints the
 * list. */
void die_unknown(const char *kind, const char *word, const char *const *list)
    __attribute__((noreturn));

/* Allocate zeroed memory, and a formatted text. They live to the end of the
 * program, which they end if there is no memory. */
void *get_memory(size_t size);
char *text_of(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
