/* SPDX-License-Identifier: ISC */
/* compiler: the user's C compiler, gcc or clang, and what it complains of. */
#ifndef TOOL_COMPILER_H
#define TOOL_COMPILER_H

#include "process.h"
#include <stdbool.h>

/* Is the compiler there, that CC or else `cc` names? */
bool has_compiler(void);

/* Begins a command line with the compiler, and options for messages that are
 * about the user's lines rather than about our macros. */
void add_compiler(struct words *w);

/* Ends the program: what kind of mistake in config.c the compiler has found,
 * by its messages, in our words. */
void explain_errors(const char *file, const char *messages)
    __attribute__((noreturn));

/* For a file that did not compile: says so if it includes the header of the
 * other of config.c and unikernel.c, and not its own. */
void hint_header(const char *file, const char *own, const char *other);

#endif
