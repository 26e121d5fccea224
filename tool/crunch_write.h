/* SPDX-License-Identifier: ISC */
/* crunch_write: the files of a folder as C. */
#ifndef TOOL_CRUNCH_WRITE_H
#define TOOL_CRUNCH_WRITE_H

#include "crunch_folder.h"

/* Ends the program if NAME.c or NAME.h is there and was not made by us. */
void want_both_ours(const char *name);

void write_folder(const char *name, struct folder *f);

#endif
