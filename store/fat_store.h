/* SPDX-License-Identifier: ISC */
/*
 * fat_store: what is read of a FAT file system's tables and directories, and
 * the order in which changes of them reach the disk.
 *
 * Changes are made in memory, to pieces of the disk that know what the disk
 * still has. fat_commit writes them in steps with a flush after each, so that
 * at every moment, whichever of a step's sectors have got there, a name leads
 * to a file whose clusters are its own:
 *
 *     1  directories that no name leads to yet (and files' data before them)
 *     2  the table's entries for clusters that were free
 *     3  the table's other entries: longer chains
 *     4  long names of new files, and empty slots for their short names
 *     5  short names that go because their file takes another one's place
 *     6  short names: new ones, and what has changed of old ones
 *     7  short names that go; the table's entries that end a chain earlier
 *     8  what is left: their long names, and the clusters that become free
 *
 * A file that is renamed has both names after step 6; one that replaces another
 * has none after step 5, since fsck.fat empties one of two names for a chain,
 * and that could be the one that must stay whole.
 *
 * So that each step finds on the disk what it takes for granted, a slot or a
 * cluster that has become free is not used again before it was written so.
 */
#ifndef STORE_FAT_STORE_H
#define STORE_FAT_STORE_H

#include "fat_layout.h"
#include <mirage/block.h>
#include <mirage/fiber.h>
#include <mirage/fs.h>
#include <mirage/log.h>
#include <mirage/macros.h>

#define FAT_STEP_LINKS    3
#define FAT_STEP_REPLACED 5
#define FAT_STEP_CUTS     7
#define FAT_STEPS         8

#define FAT_SLOT       32u
#define FAT_DIRS       16 /* directories whose names are in memory */
#define FAT_CHUNK      256 /* clusters that are added to a file at once */
#define FAT_UNDO       512
#define FAT_PIECE_HASH 512
#define FAT_TRAILS     8
#define FAT_TRAIL      64
#define FAT_ZEROS      16384u
#define FAT_KEPT       ((size_t)1 << 20) /* bytes of pieces, as a rule */
#define FAT_CHANGED    ((size_t)2 << 20) /* bytes that ask for a commit */

/* What kind of thing a piece of the disk is part of. */
enum fat_kind { FAT_TABLE,
                FAT_DIRECTORY };

/* Some sectors in memory. Lent by fat_get: to the next but seven fat_get. */
struct fat_piece {
    struct fat_piece *next; /* of the same hash */
    struct fat_piece *newer, *older; /* by last use */
    uint64_t sector;
    uint32_t count;
    enum fat_kind kind;
    bool is_apart; /* of a directory that no name leads to yet */
    uint64_t early[2]; /* slots that go in step 5: a bit for each */
    uint8_t *old; /* what the disk has; NULL: now */
    uint8_t now[];
};

/* What a change has overwritten, until its call is done. */
struct fat_undo {
    struct fat_piece *piece;
    uint16_t at;
    uint8_t len, was[FAT_SLOT];
};

struct fat_dir;

/* Which directory had no room for a name. */
enum fat_full { FAT_NOT_FULL,
                FAT_ROOT_FULL, /* FAT12's and FAT16's, of a fixed size */
                FAT_DIRECTORY_FULL };

/* Clusters of a file, at every step-th place, to find others from. */
struct fat_trail {
    uint32_t first; /* the file's first cluster; 0: no trail */
    uint32_t step, count, cluster[FAT_TRAIL];
    uint32_t last, last_cluster; /* where somebody was last */
    uint64_t used;
};

struct fat {
    struct fs fs; /* first */
    struct block *block;
    struct fat_layout l;
    /* Why there is no file system (OK: there is one); whether it was marked as
     * in use on opening; whether the second copy of the table is read. */
    enum status unusable;
    bool was_in_use, reads_second;
    bool is_table_prepared, are_copies_alike; /* FAT12 */
    struct fiber_mutex lock;
    nanoseconds fixed_time;
    uint32_t seed;

    struct fat_piece *hash[FAT_PIECE_HASH], *newest, *oldest;
    size_t bytes, changed; /* bytes: of pieces, and of their old */
    uint8_t *step; /* a piece as a step writes it */
    bool is_unflushed, is_marked;
    bool is_dir_moved; /* since the last commit: one is enough, for
                                       of two one may be in the other */
    void *zeros; /* FAT_ZEROS bytes, on a page */

    struct fat_undo undo[FAT_UNDO];
    size_t undo_count;
    uint32_t taken[FAT_CHUNK + 2]; /* clusters, in this call */
    size_t taken_count;

    /* One bit for each cluster: not to be taken, and free once written. */
    uint64_t *used, *freeing;
    uint32_t free, hint;
    uint32_t *doomed; /* first clusters of chains to be freed */
    size_t doomed_count, doomed_room;
    bool is_freeing;

    struct fat_dir *dir[FAT_DIRS];
    uint32_t ancestor[FS_PATH / 2 + 1]; /* on the way of a path */
    enum fat_full full; /* of the call under way */
    bool is_full_told;
    uint64_t clock; /* of uses of dir and trail */
    struct fat_trail trail[FAT_TRAILS];
    uint64_t edge_sector; /* in edge; FAT_NO_SECTOR: none */
    uint8_t *edge; /* one sector */
    struct fiber *writer; /* writes what is left lying; NULL: none */
    bool is_writer_done;
};

static inline struct fat *fat_of(struct fs *fs)
{
    return containing(fs, struct fat, fs);
}

#define FAT_NO_SECTOR UINT64_MAX

extern struct log_source fat;

/* Logs what is wrong, and where: ERR_CORRUPT. */
enum status fat_corrupt(const char *fmt, ...)
    __attribute__((format(printf, 1, 2), cold));

/* Sectors of a piece of the table, and of a directory's clusters. */
uint32_t fat_table_piece(const struct fat_layout *l);
uint32_t fat_dir_piece(const struct fat_layout *l);

/* A piece of the disk: lent. ERR_IO, ERR_GONE, ERR_NO_MEMORY. */
MUST_CHECK enum status fat_get(struct fat *f, uint64_t sector, uint32_t count,
                               enum fat_kind kind, struct fat_piece **piece);

/*
 * Changes len bytes, at most FAT_SLOT, of a piece. fat_take_back undoes all
 * that was changed, and gives back the clusters that were taken, since
 * fat_done. ERR_NO_MEMORY: it was not changed.
 */
MUST_CHECK enum status fat_change(struct fat *f, struct fat_piece *piece,
                                  size_t at, const void *data, size_t len);
void fat_take_back(struct fat *f);
void fat_done(struct fat *f);

/* Is there anything to commit? */
bool fat_has_changes(const struct fat *f);

static inline size_t fat_piece_size(const struct fat *f,
                                    const struct fat_piece *p)
{
    return (size_t)p->count * f->l.sector_size;
}

/* The disk has now what the piece has. */
void fat_drop_old(struct fat *f, struct fat_piece *p);

/* Forgets pieces, none of them changed, of sectors that have a new use. */
void fat_drop(struct fat *f, uint64_t sector, uint32_t count);

/* Forgets all that is in memory, written or not. */
void fat_forget(struct fat *f);

/* To the disk itself, at once: what no name leads to, or files' data. */
MUST_CHECK enum status fat_write_data(struct fat *f, uint64_t sector,
                                      const void *data, uint32_t count);
MUST_CHECK enum status fat_write_zeros(struct fat *f, uint64_t sector,
                                       uint64_t count);
MUST_CHECK enum status fat_barrier(struct fat *f);

/*
 * The commit (fat_commit.c).
 */

/* Writes what was changed. Errors leave it to be written by the next. */
MUST_CHECK enum status fat_commit(struct fat *f);

/* fat_check, of what is on the disk (fat_check.c). */
struct fat_count;
MUST_CHECK enum status fat_check_all(struct fat *f,
                                     void (*say)(void *ctx,
                                                 const char *text),
                                     void *ctx, struct fat_count *count);

#endif
