/* SPDX-License-Identifier: ISC */
/* fat_path: what a path leads to. */
#ifndef STORE_FAT_PATH_H
#define STORE_FAT_PATH_H

#include "fat_dir.h"

/* What a path leads to. */
struct fat_place {
    struct fat_dir *dir; /* that the name is in */
    uint32_t dir_first; /* its first cluster; 0: the root */
    struct fat_name name; /* of no length: the root itself */
    bool is_there;
    struct fat_entry entry; /* if it is */
};

/* The cluster that a directory begins in. */
MUST_CHECK enum status fat_dir_cluster(const struct fat *f,
                                       const struct fat_entry *e,
                                       uint32_t *first);

/*
 * Finds what a path leads to, but not through the directory that begins in
 * cluster `around`, unless that is 0: ERR_NAME.
 */
MUST_CHECK enum status fat_lookup(struct fat *f, const char *path,
                                  uint32_t around, struct fat_place *p);

/* The same; ERR_NOT_FOUND: it is not there. */
MUST_CHECK enum status fat_lookup_existing(struct fat *f, const char *path,
                                           struct fat_place *p);

/* The directory that a path leads to. */
MUST_CHECK enum status fat_lookup_dir(struct fat *f, const char *path,
                                      struct fat_dir **dir);

#endif
