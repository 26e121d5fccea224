/* SPDX-License-Identifier: ISC */
/*
 * fat_cache: the buffer cache for sectors of the FAT and of directories, with
 * undo of the changes of one call, and writes that bypass it.
 */
#ifndef STORE_FAT_CACHE_H
#define STORE_FAT_CACHE_H

#include "fat_fs.h"

#define FAT_CACHE_BYTES  ((size_t)1 << 20) /* of clean buffers */
#define FAT_COMMIT_BYTES ((size_t)2 << 20) /* of dirty ones: commit first */

/* What the sectors of a buffer belong to. */
enum fat_kind { FAT_TABLE,
                FAT_DIRECTORY };

struct fat_buffer {
    struct fat_buffer *next; /* of the same hash */
    struct fat_buffer *newer, *older; /* by last use */
    uint64_t sector;
    uint32_t count; /* sectors */
    enum fat_kind kind;
    bool is_unlinked; /* no name on the disk leads to its directory */
    uint64_t removed_early[2]; /* slots that step 5 frees: a bit for each */
    uint8_t *old; /* the bytes on the disk; NULL: the same as now */
    uint8_t now[];
};

static inline size_t fat_buffer_size(const struct fat *f,
                                     const struct fat_buffer *p)
{
    return (size_t)p->count * f->l.sector_size;
}

/*
 * Reads count sectors into a buffer, unless one begins at this sector already.
 * A clean buffer is lent until the eighth call after this one; one that is
 * dirty, until it is committed. ERR_IO, ERR_GONE, ERR_NO_MEMORY.
 */
MUST_CHECK enum status fat_buffer_get(struct fat *f, uint64_t sector,
                                      uint32_t count, enum fat_kind kind,
                                      struct fat_buffer **buffer);

/*
 * Overwrites len bytes, at most FAT_SLOT, at byte `at` of a buffer, and records
 * the previous ones. ERR_NO_MEMORY: nothing was changed.
 */
MUST_CHECK enum status fat_buffer_change(struct fat *f,
                                         struct fat_buffer *buffer, size_t at,
                                         const void *data, size_t len);

/* Undoes all changes, and returns all clusters allocated, since the last
 * fat_keep_changes. */
void fat_roll_back(struct fat *f);

/* Discards the undo records: the changes so far stay. */
void fat_keep_changes(struct fat *f);

/* Whether a commit would write anything. */
bool fat_has_changes(const struct fat *f);

/* Marks a buffer as clean, after it was written. */
void fat_buffer_written(struct fat *f, struct fat_buffer *p);

/* Drops the buffers, all of them clean, of sectors that get another use. */
void fat_buffers_drop(struct fat *f, uint64_t sector, uint32_t count);

/* Drops all buffers, dirty ones too, and all other state about the volume's
 * contents. */
void fat_forget_all(struct fat *f);

/*
 * Write to the disk at once: files' data, or a directory that no name leads to
 * yet. fat_barrier flushes the disk if anything was written since the last
 * flush. ERR_IO, ERR_GONE.
 */
MUST_CHECK enum status fat_write_data(struct fat *f, uint64_t sector,
                                      const void *data, uint32_t count);
MUST_CHECK enum status fat_write_zeros(struct fat *f, uint64_t sector,
                                       uint64_t count);
MUST_CHECK enum status fat_barrier(struct fat *f);

#endif
