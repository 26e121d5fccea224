/* SPDX-License-Identifier: ISC */
/*
 * fat: the FAT12, FAT16 and FAT32 file systems, as an fs (mirage/fs.h).
 *
 * After Microsoft's "FAT: General Overview of On-Disk Format", 1.03. Names are
 * UTF-8 here and long names on the disk: at most 255 units of UTF-16, without
 * " * / : < > ? \ | and control characters, and with no dot or space at the
 * end. Names of other systems that break these rules can be found, removed and
 * renamed, but not created. Case is kept, and ignored in look-ups. A file has
 * at most 4 GiB - 1 byte; a directory has at most 65,536 directory entries, of
 * which a name needs one, and another for each 13 characters. Times are UTC, in
 * steps of two seconds, from 1980 to 2107; 1980-01-01 00:00 stands for an
 * unknown time, which fat_of_files gives its files without SOURCE_DATE_EPOCH.
 *
 * Changes are collected in memory. fs_flush, the end of the image, and the fs
 * itself some seconds after the first change write them, in an order that a
 * power cut may interrupt at any point. Before the first change nothing is
 * written, not even a repair. The volume is marked as in use while changes are
 * written; a mark that was there before stays until fsck.fat clears it.
 */
#ifndef MIRAGE_FAT_H
#define MIRAGE_FAT_H

#include <mirage/block.h>
#include <mirage/fs.h>

#define FAT_FOLDED 766 /* bytes of a name in UTF-8 with its NUL, at most */

struct fat_options {
    int type; /* 12, 16 or 32; 0: by the disk's size */
    uint32_t cluster_size; /* bytes, a power of two; 0: by the disk's size */
    uint32_t root_slots; /* entries of the root directory of FAT12 and
                            FAT16; 0: by the disk's size */
    uint32_t volume_id;
    const char *label; /* at most 11 characters of ASCII; NULL: none */
};

/*
 * Makes an empty file system on the whole disk; its previous contents are lost.
 * options may be NULL. Blocks.
 *
 * ERR_READ_ONLY, ERR_NO_SPACE (the disk is too small), ERR_RANGE (the disk is
 * too large, or the options do not suit its size), ERR_NAME (the label),
 * ERR_NO_MEMORY: nothing was written. ERR_IO, ERR_GONE: an unknown part was.
 */
MUST_CHECK enum status fat_format(struct block *block,
                                  const struct fat_options *options);

/*
 * Opens the file system of a disk. Keeps block, which nothing else may write to
 * until fs_disconnect. Blocks. A disk without a file system, or with a damaged
 * one, is opened too: that is logged, and each call returns ERR_FORMAT or
 * ERR_CORRUPT until fs_format makes a new one. ERR_NO_MEMORY, ERR_IO, ERR_GONE,
 * ERR_CANCELLED: it is not open.
 */
MUST_CHECK enum status fat_connect(struct block *block, struct fs **fs);

/*
 * An fs in the calls below must be one that fat_connect made. For another one a
 * call logs an error, changes nothing, and returns ERR_UNSUPPORTED if it
 * returns a status.
 */

/*
 * Gives the last part of a path as the directory spells it, which may be in
 * another case, or a long name where the path has its short one. Blocks. Errors
 * as for fs_stat; ERR_NAME for the root, and a name that is not UTF-16.
 */
MUST_CHECK enum status fat_spelling(struct fs *fs, const char *path,
                                    char name[FAT_FOLDED]);

/* Sets the time, since 1970-01-01 UTC, that files are dated with from now on;
 * 0: that of time_wall. */
void fat_set_time(struct fs *fs, nanoseconds now);

/*
 * Gives the bytes of all free clusters, and the bytes of one unless
 * cluster_size is NULL. Clusters of removed files are free after the next
 * fs_flush. Blocks. Errors as for fs_list of the root: nothing is given.
 */
MUST_CHECK enum status fat_room(struct fs *fs, uint64_t *bytes,
                                uint32_t *cluster_size);

/*
 * Folds the case of a name, which is one part of a path: two names are the same
 * to the file system if their folded forms are equal. ERR_NAME: such a name
 * cannot be created.
 */
MUST_CHECK enum status fat_fold_name(const char *name,
                                     char folded[FAT_FOLDED]);

struct fat_count {
    uint32_t files, directories; /* with the root */
    uint32_t clusters, used, faults;
};

/*
 * Checks the whole file system, and calls fault with a line for each
 * inconsistency. Changes nothing. The file system must have been flushed, and
 * fault must not call it. Blocks. Errors as for fs_list of the root: *count is
 * undefined.
 */
MUST_CHECK enum status fat_check(struct fs *fs,
                                 void (*fault)(void *ctx, const char *text),
                                 void *ctx, struct fat_count *count);

#endif
