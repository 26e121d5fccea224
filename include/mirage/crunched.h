/* SPDX-License-Identifier: ISC */
/*
 * crunched: the files of a folder in an image. `mirage crunch` writes them as
 * C, and kv_ro_crunch_connect (mirage/drivers.h) makes a kv_ro of them.
 */
#ifndef MIRAGE_CRUNCHED_H
#define MIRAGE_CRUNCHED_H

#include <stddef.h>
#include <stdint.h>

struct crunched_file {
    const char *key;
    const void *data;
    size_t size; /* in bytes */
};

/* The files, sorted by key as strcmp compares. Constant while the image runs.
 */
struct crunched {
    const struct crunched_file *file;
    uint32_t count;
    uint64_t modified; /* all files, in ns since 1970-01-01 UTC; 0: unknown */
};

#endif
