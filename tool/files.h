/* SPDX-License-Identifier: ISC */
/*
 * files: what mirage writes into a folder, and what it remembers of that.
 *
 * .mirage/record says what was configured; .mirage/made has a hash of each
 * file that was made, by which an edit of the user's is known.
 */
#ifndef TOOL_FILES_H
#define TOOL_FILES_H

#include "facts.h"
#include <stdbool.h>
#include <time.h>

/* Is it a name that files of ours may have, make and shells being what they
 * are: letters, digits, _ - + and . (not first), at most 64? */
bool is_plain_name(const char *name);

struct made_file {
    const char *name;
    const char *text;
    bool is_hidden; /* in .mirage: nobody edits it */
};

/*
 * Adds to each file that people see a last line with the hash of what precedes
 * it; the Makefile gets those of files that cannot have comments. By these a
 * file is known to be as it was made where .mirage is missing.
 */
void seal_files(struct made_file *files, size_t count);

/*
 * Writes all of them; needs the lock (draft.h). If one cannot be written, or
 * would overwrite what is the user's, the program ends and nothing is changed.
 * Killed anywhere, it leaves each file whole, none that counts as edited, and
 * .mirage/configured removed, so that make configures again.
 *
 * A file that is there and was not made by us, or was edited since, is kept,
 * and the new one is written beside it as NAME.new; a file that would not
 * change is not touched. Returns the first kept file by which make builds the
 * program (main.c or Makefile), or NULL: make builds what was configured.
 */
const char *write_files(const struct made_file *files, size_t count);

/* Writes .mirage/configured, as of that time: files changed since then are
 * newer. Needs the lock. */
void write_configured(struct timespec when);

/* Removes a file of the present folder. The name comes from the folder's own
 * data (.mirage), which may come from a stranger: one that leads elsewhere is
 * left alone, and said. */
void remove_named(const char *name);

/* Removes what was made and is as it was made; says what it leaves. */
void remove_files(void);

/* The file's text, or NULL if it is not there. */
char *read_text(const char *name, size_t *len);

#endif
