/* SPDX-License-Identifier: ISC */
/* crunch_write: writes the files of a folder as C. */
#ifndef TOOL_CRUNCH_WRITE_H
#define TOOL_CRUNCH_WRITE_H

#include "crunch_folder.h"

/* Ends the program if NAME.c or NAME.h exists and is not one that mirage made.
 */
void check_both_ours(const char *name);

/* Writes NAME.h, NAME.c and, for a large folder, .mirage/NAME.data. Ends the
 * program if one cannot be written. */
void write_folder(const char *name, struct folder *f);

#endif
