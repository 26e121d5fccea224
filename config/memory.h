/* SPDX-License-Identifier: ISC */
/* memory: allocations of a program that is short-lived and frees nothing. */
#ifndef CONFIG_MEMORY_H
#define CONFIG_MEMORY_H

#include <stddef.h>

/* Allocates zeroed memory. Ends the program with a message if there is none. */
void *memory(size_t size);

/* Allocates a copy of text, likewise. */
char *copy_text(const char *text);

#endif
