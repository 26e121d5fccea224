/* SPDX-License-Identifier: ISC */
/* fat_transact: calls one by one, and changes as a whole or not at all. */
#ifndef STORE_FAT_TRANSACT_H
#define STORE_FAT_TRANSACT_H

#include "fat_store.h"

/* Calls come one by one, and nothing cuts them short. */
MUST_CHECK enum status fat_lock(struct fat *f);
enum status fat_unlock(struct fat *f, enum status s);

/* The same, where there is a file system, which may be changed. */
MUST_CHECK enum status fat_lock_mounted(struct fat *f, bool to_change);

/* Commits. */
MUST_CHECK enum status fat_sync(struct fat *f);

/* Makes a change, as a whole or not at all. */
typedef enum status fat_change_fn(struct fat *f, void *ctx);
MUST_CHECK enum status fat_transact(struct fat *f, fat_change_fn *fn,
                                    void *ctx);

#endif
