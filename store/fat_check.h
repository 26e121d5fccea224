/* SPDX-License-Identifier: ISC */
/* fat_check: fat_check (mirage/fat.h) for a file system that is locked. */
#ifndef STORE_FAT_CHECK_H
#define STORE_FAT_CHECK_H

#include "fat_fs.h"

MUST_CHECK enum status fat_check_all(struct fat *f,
                                     void (*say)(void *ctx, const char *text),
                                     void *ctx, struct fat_count *count);

#endif
