/* SPDX-License-Identifier: ISC */
/* compiler: the user's C compiler, gcc or clang, and its error messages. */
#ifndef TOOL_COMPILER_H
#define TOOL_COMPILER_H

#include "process.h"
#include <stdbool.h>

/* Whether the compiler that CC names, or else `cc`, is on PATH. */
bool has_compiler(void);

/* Begins a command line with the compiler, and with options that make its
 * messages name the user's lines and not our macros. Ends the program if there
 * is none. */
void add_compiler(struct words *w);

/* Ends the program with a message about the kind of mistake in `file` that the
 * compiler's messages report. */
void explain_errors(const char *file, const char *messages)
    __attribute__((noreturn));

/* For a file that did not compile: prints a hint if it includes the header
 * `other` and not `own`, as config.c and unikernel.c have different ones. */
void hint_header(const char *file, const char *own, const char *other);

#endif
