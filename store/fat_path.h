/* SPDX-License-Identifier: ISC */
/*
 * fat_path: looking up paths. Errors of all: as for any call on a path
 * (mirage/fs.h).
 */
#ifndef STORE_FAT_PATH_H
#define STORE_FAT_PATH_H

#include "fat_dir.h"

/* The result of a look-up. */
struct fat_place {
    struct fat_dir *dir; /* the directory of the last part; lent by
                            fat_dir_get */
    uint32_t dir_first; /* its first cluster; 0: the root */
    struct fat_name name; /* the last part; len 0: the path is the root's */
    bool is_there; /* the name exists, or it is the root */
    struct fat_entry entry; /* valid if the name exists */
};

/*
 * Looks a path up; its last part need not exist. ERR_NAME: the path leads
 * through the directory that begins in cluster `around`; 0: any will do.
 */
MUST_CHECK enum status fat_lookup(struct fat *f, const char *path,
                                  uint32_t around, struct fat_place *p);

/* Looks up a path that exists: ERR_NOT_FOUND. */
MUST_CHECK enum status fat_lookup_existing(struct fat *f, const char *path,
                                           struct fat_place *p);

/* Looks up the directory that a path names. */
MUST_CHECK enum status fat_lookup_dir(struct fat *f, const char *path,
                                      struct fat_dir **dir);

/* Reads the first cluster of a directory from its entry. ERR_CORRUPT: 0. */
MUST_CHECK enum status fat_dir_cluster(const struct fat *f,
                                       const struct fat_entry *e,
                                       uint32_t *first);

#endif
