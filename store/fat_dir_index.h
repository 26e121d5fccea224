/* SPDX-License-Identifier: ISC */
/*
 * fat_dir_index: a hash table that maps the hash of a name to the slot of its
 * short entry. A name has an entry for its long and one for its short name, if
 * the hashes differ. Collisions are resolved by linear probing.
 */
#ifndef STORE_FAT_DIR_INDEX_H
#define STORE_FAT_DIR_INDEX_H

#include "fat_dir_slots.h"

enum fat_index_state {
    FAT_INDEX_EMPTY, /* ends a search */
    FAT_INDEX_DELETED, /* does not */
    FAT_INDEX_PRESENT,
    FAT_INDEX_REMOVED /* the name is on the disk until the commit */
};

struct fat_index_entry {
    uint32_t hash, slot;
    enum fat_index_state state;
};

/* The i-th place to search for a hash. The table always has an empty one. */
static inline struct fat_index_entry *fat_index_probe(const struct fat_dir *d,
                                                      uint32_t hash, size_t i)
{
    return &d->index[(hash + i) & (d->index_size - 1)];
}

/* Reserves memory for two more entries, so that at most half of the table is in
 * use. ERR_NO_MEMORY. */
MUST_CHECK enum status fat_index_reserve(struct fat_dir *d);
void fat_index_add(struct fat_dir *d, uint32_t hash, uint32_t slot,
                   enum fat_index_state state);

/* Changes the state of an entry, if there is one for this hash and slot. */
void fat_index_set(struct fat_dir *d, uint32_t hash, uint32_t slot,
                   enum fat_index_state state);

/* Whether any entry with this hash has the state; names are not compared. */
bool fat_index_has(const struct fat_dir *d, uint32_t hash,
                   enum fat_index_state state);

/* Reserves memory for one more d->removed. ERR_NO_MEMORY. */
MUST_CHECK enum status fat_dir_reserve_removed(struct fat_dir *d);

#endif
