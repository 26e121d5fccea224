/* SPDX-License-Identifier: ISC */
/* parts: the texts in share/mirage/make, of which files are made. */
#ifndef TOOL_PARTS_H
#define TOOL_PARTS_H

#include <stdio.h>

struct filling {
    const char *name, *value; /* what stands for @NAME@ */
};

/*
 * Copies a part, but for the line that names its licence, which is ours.
 * fillings ends with a name of NULL; what it does not name is left as it is.
 */
void put_part(FILE *out, const char *part, const struct filling *fillings);

#endif
