/* SPDX-License-Identifier: ISC */
/*
 * fat_transact: serialisation of calls, and changes that are made completely
 * or not at all.
 */
#ifndef STORE_FAT_TRANSACT_H
#define STORE_FAT_TRANSACT_H

#include "fat_fs.h"

/*
 * Locks the file system and shields the fiber from cancellation. ERR_CANCELLED:
 * it is not locked. fat_lock_mounted also requires a file system on the disk
 * (ERR_FORMAT, ERR_CORRUPT) and, to change something, a disk that can be
 * written (ERR_READ_ONLY).
 */
MUST_CHECK enum status fat_lock(struct fat *f);
MUST_CHECK enum status fat_lock_mounted(struct fat *f, bool to_change);

/* Unlocks, and returns s. */
enum status fat_unlock(struct fat *f, enum status s);

/* Commits, and updates the directories that are in memory. */
MUST_CHECK enum status fat_sync(struct fat *f);

/*
 * Calls fn, which changes something, and rolls its changes back if it fails.
 * If it fails with ERR_IN_USE, or with ERR_NO_SPACE while there are changes,
 * fn is called again after a commit, which may free what it needs. A change is
 * committed WRITE_AFTER (fat_transact.c) later at the latest.
 */
typedef enum status fat_change_fn(struct fat *f, void *ctx);
MUST_CHECK enum status fat_transact(struct fat *f, fat_change_fn *fn,
                                    void *ctx);

#endif
