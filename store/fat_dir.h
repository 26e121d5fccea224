/* SPDX-License-Identifier: ISC */
/*
 * fat_dir: directories. The names of those used last are indexed in memory, so
 * that a look-up does not read the directory.
 *
 * Errors of all functions that return a status: ERR_IO, ERR_GONE,
 * ERR_NO_MEMORY, ERR_CORRUPT. A function that changes something may have
 * changed a part of it then: fat_roll_back undoes that.
 */
#ifndef STORE_FAT_DIR_H
#define STORE_FAT_DIR_H

#include "fat_cache.h"
#include "fat_entry.h"
#include "fat_name.h"

/* A name of a directory: its short entry, and the name that people see. */
struct fat_entry {
    uint32_t first, slot; /* slots of the first long name entry, and of the
                             short one; equal: there is no long name */
    uint8_t bytes[FAT_SLOT]; /* the short entry */
    struct fat_name name;
};

/*
 * Gets the directory that begins in cluster first; 0: the root. Lent for at
 * most FAT_DIRS further calls, and until fat_dir_forget.
 */
MUST_CHECK enum status fat_dir_get(struct fat *f, uint32_t first,
                                   struct fat_dir **dir);
uint32_t fat_dir_first(const struct fat_dir *dir);

/* Forget the index of a directory that was removed, or of all. */
void fat_dir_forget(struct fat *f, uint32_t first);
void fat_dirs_forget(struct fat *f);

/* After a commit: makes the slots available that it freed on the disk. */
void fat_dirs_committed(struct fat *f);

/* Finds a name, whatever its case; it may be a short name. ERR_NOT_FOUND. */
MUST_CHECK enum status fat_dir_find(struct fat *f, struct fat_dir *d,
                                    const struct fat_name *name,
                                    struct fat_entry *entry);

/* Tells whether fat_dir_find finds this entry by its name: a directory that
 * others wrote may have a name twice. */
MUST_CHECK enum status fat_dir_is_found(struct fat *f, struct fat_dir *d,
                                        const struct fat_entry *e,
                                        bool *is_found);

/* Reads the first name at *slot or later, and sets *slot to the slot after it.
 * ERR_EOF: there is none. */
MUST_CHECK enum status fat_dir_next(struct fat *f, struct fat_dir *d,
                                    uint32_t *slot, struct fat_entry *entry);

MUST_CHECK enum status fat_dir_is_empty(struct fat *f, struct fat_dir *d,
                                        bool *is_empty);

/*
 * Adds a name that the directory does not have. Its short name is made here;
 * the other fields of the short entry are those of `bytes`.
 *
 * ERR_NO_SPACE: the directory or the disk is full. ERR_IN_USE: the name, or a
 * slot that it needs, is on the disk until the next commit.
 */
MUST_CHECK enum status fat_dir_add(struct fat *f, struct fat_dir *d,
                                   const struct fat_name *name,
                                   const uint8_t bytes[FAT_SLOT]);

/*
 * Writes zeros after the directory's end, as fat_dir_add needs them. A call
 * that changes something else before it adds a name calls this first.
 * ERR_IN_USE: commit first.
 */
MUST_CHECK enum status fat_dir_clean(struct fat *f, struct fat_dir *d);

/* Changes a short entry, but for its name. */
MUST_CHECK enum status fat_dir_change(struct fat *f, struct fat_dir *d,
                                      uint32_t slot,
                                      const uint8_t bytes[FAT_SLOT]);

MUST_CHECK enum status fat_dir_remove(struct fat *f, struct fat_dir *d,
                                      const struct fat_entry *entry);

/* Lets the commit remove the removed names of the file that begins in this
 * cluster in FAT_STEP_REPLACED, before other short entries change. */
void fat_dirs_remove_early(struct fat *f, uint32_t first);

/* Tells whether the disk has a short entry in this slot. */
MUST_CHECK enum status fat_dir_is_on_disk(struct fat *f, struct fat_dir *d,
                                          uint32_t slot, bool *is_on_disk);

/* Allocates and fills the first cluster of a new directory in `parent`, with
 * the times and attributes of `bytes`. ERR_NO_SPACE. */
MUST_CHECK enum status fat_dir_make(struct fat *f, uint32_t parent,
                                    const uint8_t bytes[FAT_SLOT],
                                    uint32_t *first);

/* Makes ".." of a directory lead to another parent. */
MUST_CHECK enum status fat_dir_set_parent(struct fat *f, struct fat_dir *d,
                                          uint32_t parent);

/* The sectors of a buffer of a directory. */
uint32_t fat_dir_buffer_sectors(const struct fat_layout *l);

/* Writes to `to` the bytes of a buffer as the disk has them after a step of the
 * commit. */
void fat_dir_step(const struct fat_buffer *p, size_t size, int step,
                  uint8_t *to);

#endif
