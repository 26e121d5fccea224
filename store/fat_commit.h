/* SPDX-License-Identifier: ISC */
/*
 * fat_commit: the order in which changes reach the disk.
 *
 * Changes are made in buffers, which also keep the bytes on the disk. A commit
 * writes them in steps, with a flush after each, so that whichever sectors of
 * a step have been written when power fails, each name leads to a file whose
 * clusters are its own:
 *
 *     1  directories that no name leads to yet (files' data went before)
 *     2  FAT entries of clusters that were free
 *     3  other FAT entries: chains that become longer
 *     4  long name entries of new files, and free slots for their short ones
 *     5  short entries that are removed since their file replaces another
 *     6  short entries: new ones, and changes of existing ones
 *     7  short entries that are removed; FAT entries that cut a chain
 *     8  the rest: their long name entries, and FAT entries of freed clusters
 *
 * A renamed file has both names after step 6. A file that replaces another has
 * neither after step 5, since fsck.fat empties one of two names with the same
 * chain, and that could be the one that must stay whole.
 *
 * Each step relies on the previous ones, so a slot or a cluster that was freed
 * is not used again before the disk has it as free.
 */
#ifndef STORE_FAT_COMMIT_H
#define STORE_FAT_COMMIT_H

#include "fat_fs.h"

#define FAT_STEP_LINKS    3
#define FAT_STEP_REPLACED 5
#define FAT_STEP_CUTS     7
#define FAT_STEPS         8

/*
 * Writes all changes, and flushes. After an error (ERR_IO, ERR_GONE,
 * ERR_NO_MEMORY), which is logged, the next commit writes what is left.
 */
MUST_CHECK enum status fat_commit(struct fat *f);

#endif
