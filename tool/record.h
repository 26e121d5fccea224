/* SPDX-License-Identifier: ISC */
/* record: .mirage/record says what was configured. */
#ifndef TOOL_RECORD_H
#define TOOL_RECORD_H

#include "facts.h"

struct record {
    const char *version, *target, *file, *image;
    struct variable variable[MOST];
    size_t variable_count;
    struct list built; /* for other images and targets, and not removed */
};

/* The record of the present folder, or NULL if there is none. */
struct record *read_record(void);

/* The same; ends the program if there is none. */
const struct record *want_record(void);

/* The text of a record that takes the place of the present one, if any. */
char *record_text(const struct facts *f);

/* Sets the environment to what was recorded. */
void apply_record(const struct record *r);

#endif
