/* SPDX-License-Identifier: ISC */
/*
 * fat_fs: the state of an open FAT file system, which all files of this driver
 * share. A nested struct belongs to the file that its comment names.
 *
 * Throughout, a slot is the place of one 32-byte directory entry, counted from
 * the start of its directory. Other terms are those of Microsoft's "FAT:
 * General Overview of On-Disk Format", 1.03.
 */
#ifndef STORE_FAT_FS_H
#define STORE_FAT_FS_H

#include "fat_layout.h"
#include <mirage/block.h>
#include <mirage/fiber.h>
#include <mirage/fs.h>
#include <mirage/log.h>
#include <mirage/macros.h>

#define FAT_SLOT         32u /* bytes of a directory entry */
#define FAT_DIRS         16 /* directories that are indexed in memory */
#define FAT_ALLOC_MOST   256 /* clusters of one allocation */
#define FAT_UNDO         512 /* records of changes in one call */
#define FAT_BUFFER_HASH  512 /* buckets */
#define FAT_CHAINS       8 /* cluster chains that are indexed */
#define FAT_CHAIN_POINTS 64 /* clusters that the index of a chain holds */
#define FAT_ZEROS        16384u /* bytes that are written as zeros at once */
#define FAT_NO_SECTOR    UINT64_MAX

struct fat_buffer;
struct fat_dir;

/* The previous bytes of a change, until its call succeeds or is rolled back. */
struct fat_undo {
    struct fat_buffer *buffer;
    uint16_t at;
    uint8_t len, was[FAT_SLOT];
};

/* fat_cache.c: sectors of the FAT and of directories. */
struct fat_cache {
    struct fat_buffer *hash[FAT_BUFFER_HASH], *newest, *oldest;
    size_t bytes, dirty_bytes; /* of all buffers; of those that differ */
    bool is_unflushed; /* something was written since the last block_flush */
    struct fat_undo undo[FAT_UNDO];
    size_t undo_count;
};

/* fat_alloc.c: free clusters. A set has one bit for each cluster. */
struct fat_allocator {
    uint64_t *used, *freeing; /* freeing: free after this commit; NULL: the
                                 FAT was not read yet */
    uint32_t free, hint; /* number of free clusters; where to search first */
    uint32_t *to_free; /* first clusters of chains that a commit frees */
    size_t to_free_count, to_free_room;
    bool is_freeing; /* freeing is not empty */
    uint32_t allocated[FAT_ALLOC_MOST + 2]; /* by this call */
    size_t allocated_count;
};

/* fat_copies.c: FAT12's copies of the FAT. */
struct fat_copies {
    bool reads_second; /* since the first copy is incomplete */
    bool is_prepared, are_alike;
};

/* fat_chain.c: the cluster at every step-th place of a file's chain. */
struct fat_chain {
    uint32_t first; /* the file's first cluster; 0: unused */
    uint32_t step, count, cluster[FAT_CHAIN_POINTS];
    uint32_t last, last_cluster; /* the place that was asked for last */
    uint64_t used; /* by fat.clock */
};

/* Which directory had no room for a name. */
enum fat_full { FAT_NOT_FULL,
                FAT_ROOT_FULL, /* of FAT12 and FAT16: its size is fixed */
                FAT_DIRECTORY_FULL };

struct fat {
    struct fs fs; /* first */
    struct block *block;
    struct fat_layout l;
    enum status unusable; /* why nothing is mounted; OK: it is */
    bool was_in_use; /* the volume was marked as in use when it was opened */
    bool is_marked; /* we have marked it as in use */
    struct fiber_mutex lock;
    nanoseconds fixed_time; /* fat_set_time; 0: time_wall() */
    uint32_t seed; /* of the hashes of names */

    struct fat_cache cache;
    struct fat_allocator alloc;
    struct fat_copies copies;
    struct fat_chain chain[FAT_CHAINS];
    struct fat_dir *dir[FAT_DIRS]; /* fat_dir_cache.c */
    uint64_t clock; /* counts uses of dir and chain */

    uint8_t *step; /* a buffer as a step of the commit writes it */
    bool is_dir_moved; /* since the last commit. One is enough: of two, one
                          could be inside the other */
    void *zeros; /* FAT_ZEROS bytes, page-aligned */
    uint32_t ancestor[FS_PATH / 2 + 1]; /* first clusters along a path */
    enum fat_full full; /* set by the call that runs */
    bool is_full_logged;
    uint64_t bounce_sector; /* that bounce holds; FAT_NO_SECTOR: none */
    uint8_t *bounce; /* one sector, of which a file call needs a part */
    struct fiber *writer; /* commits some seconds later; NULL: none */
    bool is_writer_done;
};

static inline struct fat *fat_of(struct fs *fs)
{
    return containing(fs, struct fat, fs);
}

extern struct log_source fat;

/* Logs damage of the volume, and returns ERR_CORRUPT. */
enum status fat_corrupt(const char *fmt, ...)
    __attribute__((format(printf, 1, 2), cold));

#endif
