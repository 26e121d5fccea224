/* SPDX-License-Identifier: ISC */
/*
 * fat_dir_slots: a directory in memory, and access to its slots. For the files
 * of fat_dir alone. Errors: those of fat_dir.h.
 */
#ifndef STORE_FAT_DIR_SLOTS_H
#define STORE_FAT_DIR_SLOTS_H

#include "fat_dir.h"

#define FAT_MOST_SLOTS 65536u /* of a directory */
#define FAT_MOST_RUN   21 /* slots of one name: 20 long entries, and a short */

/* A name that was removed in memory, and is on the disk until the commit. */
struct fat_removed_name {
    uint32_t first, slot, hash[2];
};

struct fat_dir {
    uint32_t first; /* cluster; 0: the root */
    uint64_t used; /* when, by fat.clock */
    uint32_t *cluster; /* its chain; none if it is of fixed size */
    size_t clusters, cluster_room;
    uint32_t slots; /* that its clusters hold */
    uint32_t end; /* the first slot that has never been in use */
    bool is_clean; /* from there on all bytes are zero */
    bool is_unlinked; /* no name on the disk leads to it */

    uint64_t in_use[FAT_MOST_SLOTS / 64]; /* here or on the disk: a bit each */
    uint32_t from[FAT_MOST_RUN + 1]; /* no n free slots in a row begin before
                                        from[n] */

    struct fat_index_entry *index; /* of names: fat_dir_index.h */
    size_t index_used, index_size;
    struct fat_removed_name *removed;
    size_t removed_count, removed_room;
};

/* Whether it is the root of FAT12 or FAT16, which has no clusters. */
static inline bool fat_dir_is_fixed(const struct fat *f,
                                    const struct fat_dir *d)
{
    return d->first == 0 && f->l.type != FAT32;
}

/* Gets the buffer that has a slot, and the slot's byte there. */
MUST_CHECK enum status fat_slot_find(struct fat *f, const struct fat_dir *d,
                                     uint32_t slot, struct fat_buffer **buffer,
                                     size_t *at);

/* Reads the entry in a slot: the current one, or that on the disk. Lent like
 * its buffer. */
MUST_CHECK enum status fat_slot_read(struct fat *f, const struct fat_dir *d,
                                     uint32_t slot, bool on_disk,
                                     const uint8_t **bytes);

/* Changes the first len bytes of the entry in a slot. */
MUST_CHECK enum status fat_slot_write(struct fat *f, struct fat_dir *d,
                                      uint32_t slot, const uint8_t *bytes,
                                      size_t len);

/* Reads the short entry in a slot with its long name; without one, or with a
 * long name that no path can hold, the name is the short one. */
MUST_CHECK enum status fat_entry_read(struct fat *f, const struct fat_dir *d,
                                      uint32_t slot, bool on_disk,
                                      struct fat_entry *e);

/* The hash of the short name of an entry. */
uint32_t fat_hash_short(const struct fat *f, const uint8_t *slot);

/* Reserves memory for one more cluster. ERR_NO_MEMORY. */
MUST_CHECK enum status fat_dir_reserve_cluster(struct fat_dir *d);

static inline bool fat_slot_is_used(const struct fat_dir *d, uint32_t slot)
{
    return d->in_use[slot / 64] >> slot % 64 & 1;
}

static inline void fat_slot_use(struct fat_dir *d, uint32_t slot)
{
    d->in_use[slot / 64] |= (uint64_t)1 << slot % 64;
}

#endif
