/* SPDX-License-Identifier: ISC */
/*
 * fat_table: the entries of the FAT: for each cluster the next one of its
 * chain, EOC (end of cluster chain), 0 (free) or the mark of a bad cluster.
 * Functions that read an entry return ERR_IO, ERR_GONE and ERR_NO_MEMORY; those
 * that change one, ERR_NO_MEMORY too.
 */
#ifndef STORE_FAT_TABLE_H
#define STORE_FAT_TABLE_H

#include "fat_cache.h"

/* The sectors of a buffer of the FAT. */
uint32_t fat_table_buffer_sectors(const struct fat_layout *l);

/* Finds the buffer with a cluster's entry, and the entry's number in it. */
MUST_CHECK enum status fat_table_find(struct fat *f, uint32_t cluster,
                                      struct fat_buffer **buffer, uint32_t *i);

/* The number of entries in a buffer, and the i-th entry of its bytes. */
uint32_t fat_table_entries(const struct fat *f, const struct fat_buffer *p);
uint32_t fat_table_entry(const struct fat *f, const uint8_t *table,
                         uint32_t i);

/* Reads and changes the entry of a cluster. */
MUST_CHECK enum status fat_table_get(struct fat *f, uint32_t cluster,
                                     uint32_t *value);
MUST_CHECK enum status fat_table_set(struct fat *f, uint32_t cluster,
                                     uint32_t value);

/* The largest EOC, which we write. */
uint32_t fat_eoc(const struct fat *f);

/* Whether an entry marks its cluster as bad. */
bool fat_is_bad(const struct fat *f, uint32_t value);

/* Whether a change of an entry cuts a chain: only fs_truncate does that. */
bool fat_is_cut(const struct fat *f, uint32_t old, uint32_t now);

/* Finds the next cluster of a chain; 0: there is none. ERR_CORRUPT. */
MUST_CHECK enum status fat_next_cluster(struct fat *f, uint32_t cluster,
                                        uint32_t *next);

/* Makes a cluster the last of its chain; on the disk, in FAT_STEP_CUTS. */
MUST_CHECK enum status fat_cut_chain(struct fat *f, uint32_t cluster);

/* Writes to `to` the bytes of a buffer as the disk has them after a step of the
 * commit. */
void fat_table_step(const struct fat *f, const struct fat_buffer *p, int step,
                    uint8_t *to);

/* Whether this step writes an entry of FAT12 that lies in two sectors and
 * belongs to a chain on the disk: it could be written by half. */
bool fat_is_torn(const struct fat *f, const struct fat_buffer *p, int step);

#endif
