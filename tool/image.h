/* SPDX-License-Identifier: ISC */
/*
 * image: NAME.img, the FAT file system that is made of a folder.
 *
 * An application may write to it, so one is replaced or removed only while it
 * is as it was made and nothing has it open (decision 0021). .mirage/NAME.made
 * has the hash of what was made, and of what it was made from: the script, the
 * folder's files with their sizes and times, and the room for more.
 */
#ifndef TOOL_IMAGE_H
#define TOOL_IMAGE_H

/* Ends the program if there is a file of that name that mirage did not make. */
void image_check(const char *name);

/*
 * Makes NAME.img if it is missing or was made from something else. One that
 * was written to, or is in use, is kept, and a message says so. more: the
 * room besides the files, such as 10M; "": none; NULL: as it was, or none.
 * Needs the lock.
 */
void image_update(const char *name, const char *folder, const char *more);

/* Removes NAME.img unless it was written to or is in use; says what it
 * keeps. Needs the lock. */
void image_remove(const char *name);

#endif
