/* SPDX-License-Identifier: ISC */
/* fat_dir_index: where names are in a directory. */
#ifndef STORE_FAT_DIR_INDEX_H
#define STORE_FAT_DIR_INDEX_H

#include "fat_dir_slots.h"

static inline struct fat_index_entry *fat_index_probe(const struct fat_dir *d,
                                                      uint32_t hash, size_t i)
{
    return &d->mention[(hash + i) & (d->mention_room - 1)];
}

void fat_index_add(struct fat_dir *d, uint32_t hash, uint32_t slot,
                   int state);
void fat_index_set(struct fat_dir *d, uint32_t hash, uint32_t slot,
                   int state);

/* Room for two more: at most half of the table is in use. */
MUST_CHECK enum status fat_index_room(struct fat_dir *d);
MUST_CHECK enum status fat_dir_gone_room(struct fat_dir *d);

/* Is the name there, or gone but on the disk yet? By its hash alone. */
bool fat_index_has(const struct fat_dir *d, uint32_t hash, int state);

#endif
