/* SPDX-License-Identifier: ISC */
/* root: where this mirage is installed, and programs on PATH. */
#ifndef TOOL_ROOT_H
#define TOOL_ROOT_H

#include <stdbool.h>

/* The absolute path of the folder that has bin/mirage. */
const char *root(void);

/* The absolute path of the running program. */
const char *own_path(void);

/* Whether `mirage` in a shell runs this program. */
bool is_on_path(void);

/* The path of a program on PATH; NULL: there is none. A name with a slash is a
 * path itself. */
const char *find_program(const char *name);

#endif
