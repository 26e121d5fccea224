/* SPDX-License-Identifier: ISC */
/* crunch_folder: the files of a folder that is crunched. */
#ifndef TOOL_CRUNCH_FOLDER_H
#define TOOL_CRUNCH_FOLDER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct file {
    char *key, *path;
    uint64_t size;
    struct timespec changed;
    uint64_t at; /* in NAME.data */
};

struct folder {
    const char *name;
    int fd;
    unsigned long long date; /* of all files, in s since 1970; 0: unknown */
    struct timespec looked; /* when that began */
    struct file *file;
    size_t count, room;
    uint64_t size; /* of all files */
};

/* Has fn called, instead of the message, where a folder cannot be crunched; it
 * ends the program. */
void crunch_when_wrong(void (*fn)(void));

/* The files, by their keys; what cannot be had in an image ends the program. */
struct folder look_at_folder(const char *name);

#endif
