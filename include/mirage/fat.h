/* SPDX-License-Identifier: ISC */
/*
 * fat: the FAT12, FAT16 and FAT32 file systems, as an fs (mirage/fs.h).
 *
 * After Microsoft's "FAT: General Overview of On-Disk Format", 1.03. Names are
 * UTF-8 here and long names on the disk: at most 255 units of UTF-16, none of
 * " * / : < > ? \ | nor a control character, with no dot or space at the end.
 * Others' names that break these rules are found, and can be removed and
 * renamed, but not made. Upper and lower case are one. A file has at most 4 GiB
 * - 1 byte, a directory at most 65,536 slots: a name takes one, and another for
 * each 13 characters. Times are UTC, in steps of two seconds, from 1980 to
 * 2107; the first moment of 1980 stands for an unknown time, as in fat_of_files
 * without SOURCE_DATE_EPOCH.
 *
 * Changes gather in memory, and are written, in an order that a power cut may
 * interrupt anywhere, by fs_flush, by the fs itself a few seconds after the
 * first of them, and when the image ends. Before the first change nothing is
 * written, not even to mend what is damaged; the mark "in use" of a disk that
 * was not let go properly stays until fsck.fat clears it.
 */
#ifndef MIRAGE_FAT_H
#define MIRAGE_FAT_H

#include <mirage/block.h>
#include <mirage/fs.h>

#define FAT_FOLDED 766 /* bytes of a name in UTF-8, with the NUL */

struct fat_options {
    int type; /* 12, 16 or 32; 0: by the disk's size */
    uint32_t cluster_size; /* bytes, a power of two; 0: by the disk's size */
    uint32_t root_slots; /* of FAT12's and FAT16's root; 0: by the size */
    uint32_t volume_id;
    const char *label; /* at most 11 characters of ASCII; NULL: none */
};

/*
 * Makes an empty file system on the whole disk; what was there is lost.
 * options may be NULL. Blocks.
 *
 * ERR_READ_ONLY. ERR_NO_SPACE: the disk is too small. ERR_RANGE: too large, or
 * the options do not go with its size. ERR_NAME: the label. ERR_IO, ERR_GONE:
 * an unknown part was written. ERR_NO_MEMORY.
 */
MUST_CHECK enum status fat_format(struct block *block,
                                  const struct fat_options *options);

/*
 * Opens the file system of the disk. Keeps block, which nobody else may write
 * to. Where there is none, or a damaged one, that is logged, and each call
 * gives ERR_FORMAT or ERR_CORRUPT until fs_format makes one. ERR_NO_MEMORY,
 * ERR_IO, ERR_GONE, ERR_CANCELLED.
 */
MUST_CHECK enum status fat_connect(struct block *block, struct fs **fs);

/*
 * The calls below want an fs that fat_connect made. For another they log an
 * error, change nothing, and return ERR_UNSUPPORTED if they return a status.
 */

/*
 * Tells how the directory spells the last part of a path: it may differ by
 * case, or the path may have the short name of a long one. Not of the root.
 * Errors: as for fs_stat.
 */
MUST_CHECK enum status fat_spelling(struct fs *fs, const char *path,
                                    char name[FAT_FOLDED]);

/* Dates files `now` from here on, not by time_wall(); 0: by that again. */
void fat_set_time(struct fs *fs, nanoseconds now);

/*
 * What is free, in bytes of whole clusters, and the bytes of a cluster unless
 * cluster_size is NULL. What was removed counts after the next fs_flush.
 * Errors: as for fs_flush.
 */
MUST_CHECK enum status fat_room(struct fs *fs, uint64_t *bytes,
                                uint32_t *cluster_size);

/*
 * Writes a name, one part of a path, as the file system compares it: two names
 * are one if their folded forms are. ERR_NAME: it cannot be made there.
 */
MUST_CHECK enum status fat_fold_name(const char *name,
                                     char folded[FAT_FOLDED]);

struct fat_count {
    uint32_t files, directories; /* the root among these */
    uint32_t clusters, used, faults;
};

/*
 * Looks through all of it, and calls fault for each thing that contradicts
 * another, with a line for people; changes nothing. The file system must have
 * been flushed. Errors: as for fs_list, ERR_CORRUPT excepted.
 */
MUST_CHECK enum status fat_check(struct fs *fs,
                                 void (*fault)(void *ctx, const char *text),
                                 void *ctx, struct fat_count *count);

#endif
