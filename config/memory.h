/* SPDX-License-Identifier: ISC */
/* memory: what a short-lived program takes and never gives back. */
#ifndef CONFIG_MEMORY_H
#define CONFIG_MEMORY_H

#include <stddef.h>

/* Zeroed. Ends the program if there is none. */
void *memory(size_t size);
char *copy_text(const char *text);

#endif
