/* SPDX-License-Identifier: ISC */
/*
 * crunch: the files of a folder as C, for an image to have them in memory.
 *
 * NAME.h and NAME.c are written; NAME.c holds the bytes of a small folder, for
 * people to read, and those of a large one lie in .mirage/NAME.data, which the
 * assembler takes as it is. .mirage/NAME.list has each file with its size and
 * time, and is written when one of them has changed: make goes by it.
 *
 * What cannot be had in an image ends the program with a message.
 */
#ifndef TOOL_CRUNCH_H
#define TOOL_CRUNCH_H

#include <stddef.h>
#include <stdint.h>

/* The list's text, of len bytes: the caller frees it. */
char *crunch_list(const char *folder, size_t *len);

/* Can the folder be crunched, to files of this name? The size of its files. */
uint64_t crunch_check(const char *name, const char *folder);

/* Writes what is missing, or older than the folder. Needs the lock. */
void crunch_update(const char *name, const char *folder);

#endif
