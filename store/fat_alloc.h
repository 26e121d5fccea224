/* SPDX-License-Identifier: ISC */
/*
 * fat_alloc: allocating and freeing clusters. A freed cluster can be allocated
 * again after the commit that frees it.
 */
#ifndef STORE_FAT_ALLOC_H
#define STORE_FAT_ALLOC_H

#include "fat_fs.h"

/* Reads the whole FAT to find the free clusters, once. Errors: those of
 * fat_table.h; ERR_CANCELLED. */
MUST_CHECK enum status fat_count_free(struct fat *f);

/*
 * Allocates count clusters, at most FAT_ALLOC_MOST, links them in order, and
 * appends them to the chain that ends with cluster `after` (0: they are a chain
 * of their own). They are the last count of f->alloc.allocated; fat_roll_back
 * frees them.
 *
 * ERR_NO_SPACE: none was allocated. ERR_IN_USE: `after` ends its chain only in
 * memory: commit first. Errors of fat_count_free: roll back.
 */
MUST_CHECK enum status fat_alloc(struct fat *f, uint32_t after,
                                 uint32_t count);

/* Reserves memory for one fat_free_later. ERR_NO_MEMORY. */
MUST_CHECK enum status fat_reserve_free(struct fat *f);

/* Lets the next commit free a chain; first: 0 is an empty one. */
void fat_free_later(struct fat *f, uint32_t first);

/*
 * For the commit: fat_free_chains frees the chains in the buffers of the FAT;
 * fat_chains_freed makes their clusters available once that is on the disk.
 */
MUST_CHECK enum status fat_free_chains(struct fat *f);
void fat_chains_freed(struct fat *f);

/* Updates FAT32's FSInfo sector, if it has a valid one. */
MUST_CHECK enum status fat_write_info(struct fat *f);

#endif
