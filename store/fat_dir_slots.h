/* SPDX-License-Identifier: ISC */
/* fat_dir_slots: what the files of fat_dir share: a directory in memory, and
 * its slots. */
#ifndef STORE_FAT_DIR_SLOTS_H
#define STORE_FAT_DIR_SLOTS_H

#include "fat_dir.h"

#define FAT_MOST_SLOTS 65536u /* of a directory */
#define FAT_MOST_RUN   21 /* slots of a name */

enum fat_index_state {
    FAT_INDEX_EMPTY,
    FAT_INDEX_LEFT, /* look further */
    FAT_INDEX_THERE,
    FAT_INDEX_GONE
};

/*
 * Where a name is: its short name's slot. A name has two, for each of its
 * hashes; those of names that are gone stay until the commit.
 */
struct fat_index_entry {
    uint32_t hash, slot;
    enum fat_index_state state;
};

struct fat_gone {
    uint32_t first, slot, hash[2];
};

struct fat_dir {
    uint32_t first; /* cluster; 0: the root */
    uint64_t used;
    uint32_t *cluster;
    size_t clusters, cluster_room;
    uint32_t slots; /* there is room for */
    uint32_t end; /* the first slot that was never in use */
    bool is_clean; /* from there on all are zeros */
    bool is_apart; /* no name on the disk leads to it */

    uint64_t taken[FAT_MOST_SLOTS / 64]; /* slots that cannot be had */
    uint32_t
        from[FAT_MOST_RUN + 1]; /* no free run of n begins before from[n] */

    struct fat_index_entry *mention; /* a hash table */
    size_t mentions, mention_room;
    struct fat_gone *gone;
    size_t gone_count, gone_room;
};

bool fat_dir_is_fixed(const struct fat *f, const struct fat_dir *d);

/* The piece that a slot lies in, and where. */
MUST_CHECK enum status fat_slot_find(struct fat *f, const struct fat_dir *d,
                                     uint32_t slot, struct fat_piece **piece,
                                     size_t *at);

/* A slot as it is; or, on the disk, as it was. Lent like its piece. */
MUST_CHECK enum status fat_slot_read(struct fat *f, const struct fat_dir *d,
                                     uint32_t slot, bool on_disk,
                                     const uint8_t **bytes);
MUST_CHECK enum status fat_slot_write(struct fat *f, struct fat_dir *d,
                                      uint32_t slot, const uint8_t *bytes,
                                      size_t len);

/* The name in a slot, with what stands before it. */
MUST_CHECK enum status fat_entry_read(struct fat *f, const struct fat_dir *d,
                                      uint32_t slot, bool on_disk,
                                      struct fat_entry *e);
uint32_t fat_hash_short(const struct fat *f, const uint8_t *slot);

MUST_CHECK enum status fat_dir_cluster_room(struct fat_dir *d);

static inline bool fat_slot_is_taken(const struct fat_dir *d, uint32_t slot)
{
    return d->taken[slot / 64] >> slot % 64 & 1;
}

static inline void fat_slot_take(struct fat_dir *d, uint32_t slot)
{
    d->taken[slot / 64] |= (uint64_t)1 << slot % 64;
}

#endif
