/* SPDX-License-Identifier: ISC */
/* fat_table: the table of clusters. */
#ifndef STORE_FAT_TABLE_H
#define STORE_FAT_TABLE_H

#include "fat_store.h"

uint32_t fat_last_mark(const struct fat *f);
uint32_t fat_entry_at(const struct fat *f, const uint8_t *table, uint32_t i);
uint32_t fat_entries_of(const struct fat *f, const struct fat_piece *p);

/* The piece with a cluster's entry, and the entry's number in it. */
MUST_CHECK enum status fat_table_find(struct fat *f, uint32_t cluster,
                                      struct fat_piece **piece, uint32_t *i);

/* Does the entry end a chain that went on? Only fs_truncate does that. */
bool fat_is_cut(const struct fat *f, uint32_t old, uint32_t now);

/* The cluster after this one in its chain; 0: it is the last. ERR_CORRUPT. */
MUST_CHECK enum status fat_next(struct fat *f, uint32_t cluster,
                                uint32_t *next);

/* The entry as it stands. */
MUST_CHECK enum status fat_entry(struct fat *f, uint32_t cluster,
                                 uint32_t *value);
MUST_CHECK enum status fat_set_entry(struct fat *f, uint32_t cluster,
                                     uint32_t value);

/* A piece of the table, or of a directory, as a step of the commit has it. */
void fat_table_step(const struct fat *f, const struct fat_piece *p, int step,
                    uint8_t *to);

/* Counts what is free, if that was not done. */
MUST_CHECK enum status fat_count_free(struct fat *f);

/*
 * Takes count clusters, at most FAT_CHUNK, off the free ones, links them in
 * order and behind `after` (0: a chain of its own). fat_take_back returns them.
 * The clusters stand in f->taken, from taken_count as it was. ERR_NO_SPACE.
 */
MUST_CHECK enum status fat_take(struct fat *f, uint32_t after, uint32_t count);

/* Makes a cluster the last of its chain; on the disk, from FAT_STEP_CUTS on. */
MUST_CHECK enum status fat_end_chain(struct fat *f, uint32_t cluster);

/* Room for one more doomed chain, and a chain to be freed by the commit. */
MUST_CHECK enum status fat_doom_room(struct fat *f);
void fat_doom(struct fat *f, uint32_t first);

/* For the commit: entries of doomed chains become free; and then are. */
MUST_CHECK enum status fat_free_doomed(struct fat *f);
void fat_freed(struct fat *f);

/* The nth cluster of a file. ERR_CORRUPT: it has fewer. */
MUST_CHECK enum status fat_nth(struct fat *f, uint32_t first, uint32_t n,
                               uint32_t *cluster);
void fat_forget_trail(struct fat *f, uint32_t first);

/* "In use" marks: the table's, which a step writes, and the boot sector's. */
MUST_CHECK enum status fat_mark_table(struct fat *f, bool in_use);
MUST_CHECK enum status fat_mark_boot(struct fat *f, bool in_use);
MUST_CHECK enum status fat_is_in_use(struct fat *f, bool *in_use);
MUST_CHECK enum status fat_write_info(struct fat *f);

/* FAT12: entries that two sectors share, of chains that are on the disk, and
 * that this step writes. */
bool fat_is_torn(const struct fat *f, const struct fat_piece *p, int step);

/* Does an entry say that its cluster cannot be used? */
bool fat_is_bad(const struct fat *f, uint32_t value);

/*
 * Chooses the copy of the table to read: the second only where a commit left
 * its mark in the first of FAT12. Writes nothing. fat_prepare_table, before the
 * first change is written, then copies the second over the first.
 */
MUST_CHECK enum status fat_choose_table(struct fat *f);
MUST_CHECK enum status fat_prepare_table(struct fat *f);

#endif
