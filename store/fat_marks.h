/* SPDX-License-Identifier: ISC */
/*
 * fat_marks: the marks of a volume that is in use: bit 0 of BS_Reserved1 in the
 * boot sector, and ClnShutBit in the FAT's second entry (decision 0014).
 */
#ifndef STORE_FAT_MARKS_H
#define STORE_FAT_MARKS_H

#include "fat_fs.h"

/* Whether either mark is set. */
MUST_CHECK enum status fat_is_in_use(struct fat *f, bool *in_use);

/* Changes ClnShutBit, in the buffer of the FAT: FAT16 and FAT32. */
MUST_CHECK enum status fat_mark_table(struct fat *f, bool in_use);

/* Writes the boot sector's mark to the disk: FAT12 and FAT16. */
MUST_CHECK enum status fat_mark_boot(struct fat *f, bool in_use);

#endif
