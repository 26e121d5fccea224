/* SPDX-License-Identifier: ISC */
/*
 * draft: replaces files atomically, and locks a folder against other processes
 * of mirage.
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
 * creates .mirage if it is missing. Blocks while another mirage has the lock,
 * with a message after a second. Ends the program if .mirage cannot be created
 * or is not a directory of this folder.
 */
void lock_folder(void);

/* Is .mirage a directory? A symbolic link to one is not. */
bool has_own_folder(void);

/* Unlocks the folder, and removes .mirage if it is empty. */
void unlock_folder(void);

/* The functions on drafts need the lock. */

/* Opens the draft of the file. NULL: errno says why. */
FILE *open_draft(const char *name);

/* Closes the draft. False: it was not written whole, errno says why, and it
 * was removed. */
bool close_draft(FILE *draft, const char *name);

/* Renames the draft of name to place. False: errno says why. */
bool rename_draft(const char *name, const char *place);

/* Removes the draft of name, if there is one. */
void remove_draft(const char *name);

/* The same as open_draft, and as close_draft and rename_draft to the name, but
 * they end the program with a message after an error. */
FILE *begin_file(const char *name);
void finish_file(FILE *draft, const char *name);

/* The same as finish_file; the file gets that modification time. */
void finish_file_at(FILE *draft, const char *name, struct timespec when);

/*
 * The present time, for finish_file_at. A file made from others gets the time
 * before the first of them was read, so that one that changes meanwhile is
 * newer. (The kernel's clock for files is up to 4 ms behind this, never ahead.)
 */
struct timespec file_time(void);

/* Is there a file of that name? Symbolic links are not followed. */
bool is_there(const char *name);

/* Is it a regular file? A symbolic link is not. */
bool is_regular(const char *name);

#endif
