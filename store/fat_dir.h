/* SPDX-License-Identifier: ISC */
/*
 * fat_dir: directories: slots of 32 bytes in the root's place or in a chain
 * of clusters. Where each name stands is kept in memory, for the directories
 * that were used last, so that a name is found at once among thousands.
 */
#ifndef STORE_FAT_DIR_H
#define STORE_FAT_DIR_H

#include "fat_entry.h"
#include "fat_name.h"
#include "fat_store.h"
#include "fat_table.h"

/* A name of a directory, and the slot it is of. */
struct fat_entry {
    uint32_t first, slot; /* the long name's first slot; the short's */
    uint8_t bytes[FAT_SLOT];
    struct fat_name name;
};

/*
 * The directory that begins in this cluster; 0 is the root. Lent: to the next
 * but few fat_dir_of. ERR_CORRUPT, ERR_NO_MEMORY, ERR_IO, ERR_GONE.
 */
MUST_CHECK enum status fat_dir_of(struct fat *f, uint32_t first,
                                  struct fat_dir **dir);
uint32_t fat_dir_first(const struct fat_dir *dir);

/* ERR_NOT_FOUND. */
MUST_CHECK enum status fat_dir_find(struct fat *f, struct fat_dir *d,
                                    const struct fat_name *name,
                                    struct fat_entry *entry);

/* Does the name of an entry lead to it? A disk may have a name twice. */
MUST_CHECK enum status fat_dir_is_found(struct fat *f, struct fat_dir *d,
                                        const struct fat_entry *e,
                                        bool *is_found);

/* The next name from *slot on, which moves behind it. ERR_EOF. */
MUST_CHECK enum status fat_dir_next(struct fat *f, struct fat_dir *d,
                                    uint32_t *slot, struct fat_entry *entry);

/*
 * Adds a name, with what `bytes` says of it but for the short name. The name
 * must not be there. ERR_NO_SPACE: the directory or the disk is full.
 * ERR_IN_USE: not before a commit, since the name, or a slot, is still there
 * on the disk.
 */
MUST_CHECK enum status fat_dir_add(struct fat *f, struct fat_dir *d,
                                   const struct fat_name *name,
                                   const uint8_t bytes[FAT_SLOT]);

/*
 * Clears what stands behind the directory's end, as fat_dir_add needs it. A
 * call that changes something before it adds a name asks for this first:
 * ERR_IN_USE: not before a commit.
 */
MUST_CHECK enum status fat_dir_clean(struct fat *f, struct fat_dir *d);

/* Changes a slot, its name excepted; and removes a name. */
MUST_CHECK enum status fat_dir_change(struct fat *f, struct fat_dir *d,
                                      uint32_t slot,
                                      const uint8_t bytes[FAT_SLOT]);
MUST_CHECK enum status fat_dir_remove(struct fat *f, struct fat_dir *d,
                                      const struct fat_entry *entry);

/* Names that were removed, of the file that begins in this cluster, go from the
 * disk before other short names change. */
void fat_dirs_leave_early(struct fat *f, uint32_t first);

/* Does the disk have a short name in this slot? */
MUST_CHECK enum status fat_dir_is_on_disk(struct fat *f, struct fat_dir *d,
                                          uint32_t slot, bool *is_on_disk);

/* Takes and fills a cluster for a new directory in `parent`. */
MUST_CHECK enum status fat_dir_make(struct fat *f, uint32_t parent,
                                    const uint8_t bytes[FAT_SLOT],
                                    uint32_t *first);

/* Changes the cluster that ".." of the directory leads to. */
MUST_CHECK enum status fat_dir_set_parent(struct fat *f, struct fat_dir *d,
                                          uint32_t parent);

/* Are there no names in it? */
MUST_CHECK enum status fat_dir_is_empty(struct fat *f, struct fat_dir *d,
                                        bool *is_empty);

/* Forgets one that was removed (or could not be changed), or all. */
void fat_dir_forget(struct fat *f, uint32_t first);
void fat_dirs_forget(struct fat *f);

/* A piece of a directory as a step of the commit has it. */
void fat_dir_step(const struct fat_piece *p, size_t size, int step,
                  uint8_t *to);

/* After a commit: slots that were left for it can be used. */
void fat_dirs_committed(struct fat *f);

#endif
