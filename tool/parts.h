/* SPDX-License-Identifier: ISC */
/* parts: the texts in share/mirage/make that generated files are made of. */
#ifndef TOOL_PARTS_H
#define TOOL_PARTS_H

#include <stdio.h>

struct filling {
    const char *name, *value; /* value replaces @NAME@ */
};

/*
 * Copies a part to out, without the line of its licence. fillings ends with a
 * name of NULL; placeholders that it does not name are left as they are. Ends
 * the program if there is no such part.
 */
void put_part(FILE *out, const char *part, const struct filling *fillings);

#endif
