/* SPDX-License-Identifier: ISC */
/*
 * crunch: the files of a folder as C, which an image then has in its memory.
 *
 * The result is NAME.h and NAME.c. NAME.c holds the contents of a small folder
 * as readable strings; those of a large one are in .mirage/NAME.data, which the
 * assembler includes. .mirage/NAME.list has the size and time of each file, and
 * is written when one has changed, so that make notices.
 *
 * A folder that cannot be in an image ends the program with a message.
 */
#ifndef TOOL_CRUNCH_H
#define TOOL_CRUNCH_H

#include <stddef.h>
#include <stdint.h>

/* Makes the text of the list, of *len bytes: yours, to free. */
char *crunch_list(const char *folder, size_t *len);

/* Checks that the folder can be crunched to NAME.h and NAME.c, and returns the
 * bytes of its files. */
uint64_t crunch_check(const char *name, const char *folder);

/* Writes the list, NAME.h and NAME.c if they are missing or older than a change
 * of the folder. The caller has locked the present folder (draft.h). */
void crunch_update(const char *name, const char *folder);

#endif
