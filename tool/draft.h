/* SPDX-License-Identifier: ISC */
/*
 * draft: files replaced whole, and one mirage at a time in a folder.
 *
 * A file is written as .mirage/NAME.draft and renamed when it is complete, so
 * a process that is killed leaves the old file or the new one. The draft is
 * created with O_EXCL: a symbolic link in its place is removed, not followed.
 */
#ifndef TOOL_DRAFT_H
#define TOOL_DRAFT_H

#include <stdbool.h>
#include <stdio.h>
#include <time.h>

/*
 * Locks the present folder until unlock_folder or the end of the program, and
 * creates .mirage if it is missing. Blocks while another mirage has the lock;
 * after a second a message says so. Ends the program if .mirage cannot be
 * created or is not a directory of this folder.
 */
void lock_folder(void);

/* Is .mirage a directory of the present folder? A link is none. */
bool has_own_folder(void);

/* Also removes .mirage if it is empty. */
void unlock_folder(void);

/* The three below need the lock. */

/* Opens the draft of the file. NULL: errno says why. */
FILE *open_draft(const char *name);

/* Closes the draft. False: it was not written whole, errno says why, and it
 * was removed. */
bool close_draft(FILE *draft, const char *name);

/* Renames the draft of name to place. False: errno says why. */
bool rename_draft(const char *name, const char *place);

/* Removes the draft of name, if there is one. */
void remove_draft(const char *name);

/* The same for a caller that cannot go on after an error: these end the
 * program. */
FILE *begin_file(const char *name);
void finish_file(FILE *draft, const char *name);

/* The same; the file gets that time. */
void finish_file_at(FILE *draft, const char *name, struct timespec when);

/*
 * The present time, for finish_file_at. A file made from others gets the time
 * at which they were read first: what changes meanwhile is then newer. (The
 * kernel's time of a change is this or up to 4 ms earlier, and never later.)
 */
struct timespec file_time(void);

/* Does the name lead to something? A symbolic link counts by itself. */
bool is_there(const char *name);

/* Is it a regular file, and no symbolic link? */
bool is_regular(const char *name);

#endif
