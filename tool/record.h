/* SPDX-License-Identifier: ISC */
/* record: what was configured in the present folder, in .mirage/record. */
#ifndef TOOL_RECORD_H
#define TOOL_RECORD_H

#include "facts.h"

struct record {
    const char *version, *target, *file, *image;
    struct variable variable[MOST];
    size_t variable_count;
    struct list built; /* for other images and targets, and not removed yet */
};

/* Reads the record; NULL: there is none. A damaged one ends the program. */
struct record *read_record(void);

/* Reads the record; ends the program if there is none. */
const struct record *want_record(void);

/* Makes the text of a record that replaces the present one, if any. */
char *record_text(const struct facts *f);

/* Sets the variables of the environment that were recorded. */
void apply_record(const struct record *r);

#endif
