/* SPDX-License-Identifier: ISC */
/*
 * crunch_folder: the files of a folder that is put into an image: each is a key
 * of a kv_ro, and its contents the value. Symbolic links are followed if they
 * stay in the folder.
 */
#ifndef TOOL_CRUNCH_FOLDER_H
#define TOOL_CRUNCH_FOLDER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct file {
    char *key, *path; /* in the folder; of the host */
    uint64_t size;
    struct timespec changed;
    uint64_t at; /* its place in NAME.data, in bytes */
};

struct folder {
    const char *name;
    int fd; /* open while it is scanned */
    unsigned long long date; /* of all files, in s since 1970; 0: unknown */
    struct timespec looked; /* when the scan began */
    struct file *file;
    size_t count, room;
    uint64_t size; /* of all files */
};

/* From now on calls fn in the place of a message that ends the program, where a
 * folder cannot be crunched. fn must end the program. */
void crunch_when_wrong(void (*fn)(void));

/* Lists the files of a folder and of those in it, sorted by key. Anything that
 * cannot be in an image ends the program. */
struct folder scan_folder(const char *name);

#endif
