/* SPDX-License-Identifier: ISC */
/* root: where this mirage is installed. */
#ifndef TOOL_ROOT_H
#define TOOL_ROOT_H

#include <stdbool.h>

/* The folder above that of the running program: an absolute path. */
const char *root(void);

/* The running program's own path. */
const char *own_path(void);

/* Is this program the one that a shell would find as `mirage`? */
bool is_on_path(void);

/* The path of a program on PATH, or NULL. */
const char *find_program(const char *name);

#endif
