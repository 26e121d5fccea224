/* SPDX-License-Identifier: ISC */
/*
 * files: the files that mirage writes into a folder. .mirage/made has the hash
 * of each, by which a later edit by the user is detected.
 */
#ifndef TOOL_FILES_H
#define TOOL_FILES_H

#include "facts.h"
#include <stdbool.h>
#include <time.h>

/* Whether it is a name that make and shells take without quotes: at most 64
 * letters, digits, _ - + and . (- and . not first). */
bool is_plain_name(const char *name);

struct made_file {
    const char *name;
    const char *text;
    bool is_hidden; /* in .mirage: it is not edited by hand */
};

/*
 * Appends to each visible file a comment with the hash of the text before it;
 * the hashes of files that cannot have comments go into the Makefile. They show
 * whether a file was edited where .mirage is missing.
 */
void seal_files(struct made_file *files, size_t count);

/*
 * Writes all files. The caller has locked the folder (draft.h). If a file
 * cannot be written, or one of the user's would be overwritten, nothing is
 * changed and the program ends. If the program is killed, each file is whole
 * and none counts as edited; .mirage/configured is removed, so that make
 * configures again.
 *
 * A file that mirage did not make, or that was edited since, is kept, and the
 * new one is written as NAME.new; a file that would not change is not touched.
 * Returns the first kept file by which make builds the program (main.c or
 * Makefile), or NULL: make builds what was configured.
 */
const char *write_files(const struct made_file *files, size_t count);

/* Writes .mirage/configured with the time `when`: files that were changed since
 * are newer. The caller has locked the folder. */
void write_configured(struct timespec when);

/* Removes a file of the present folder. A name that leads elsewhere is refused
 * with a message: names are read from .mirage, which anyone may have written.
 */
void remove_named(const char *name);

/* Removes the files that mirage made, but for those that were edited, of which
 * it prints a message. */
void remove_files(void);

/* Reads a file, of *len bytes: yours, to free. NULL: it cannot be opened. */
char *read_text(const char *name, size_t *len);

#endif
