/* SPDX-License-Identifier: ISC */
/*
 * crunched: the files of a folder as they lie in an image. `mirage crunch`
 * writes them, in C, and kv_ro_crunch_connect makes a store of them.
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

/* The files by their keys, in the order that strcmp has. */
struct crunched {
    const struct crunched_file *file;
    uint32_t count;
    uint64_t modified; /* ns since 1970-01-01; 0: unknown */
};

#endif
