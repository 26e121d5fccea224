/* SPDX-License-Identifier: ISC */
/*
 * fat_copies: which copy of the FAT is read. It is the first, but for FAT12
 * volumes whose first copy our commit has begun to write and not completed.
 */
#ifndef STORE_FAT_COPIES_H
#define STORE_FAT_COPIES_H

#include "fat_fs.h"

/* FAT12's entry 0 while the commit writes the first copy. */
#define FAT_TORN_MARK 0u

/* Chooses the copy to read, and logs what is wrong. Writes nothing. */
MUST_CHECK enum status fat_choose_copy(struct fat *f);

/* Before the first change is written: copies the second over an incomplete
 * first, and compares the two. */
MUST_CHECK enum status fat_prepare_copies(struct fat *f);

#endif
