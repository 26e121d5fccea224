/* SPDX-License-Identifier: ISC */
/*
 * image: NAME.img, a FAT file system made of a folder.
 *
 * An application may write to it, so an image is replaced or removed only while
 * it is as it was made and nothing has it open (decision 0021).
 * .mirage/NAME.made has the hashes of the image and of its inputs: the script,
 * the sizes and times of the folder's files, and FAT_MORE.
 */
#ifndef TOOL_IMAGE_H
#define TOOL_IMAGE_H

/* Ends the program if NAME.img exists and mirage did not make it. */
void image_check(const char *name);

/*
 * Makes NAME.img if it is missing or its inputs have changed. An image that was
 * written to, or is in use, is kept, with a message. more: free bytes besides
 * the files, such as 10M; "": none; NULL: as before, or none. The caller has
 * locked the present folder (draft.h).
 */
void image_update(const char *name, const char *folder, const char *more);

/* Removes NAME.img, unless it was written to or is in use: then it prints a
 * message. The caller has locked the folder. */
void image_remove(const char *name);

#endif
