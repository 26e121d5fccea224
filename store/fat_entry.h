/* SPDX-License-Identifier: ISC */
/* fat_entry: the fields of a directory entry. */
#ifndef STORE_FAT_ENTRY_H
#define STORE_FAT_ENTRY_H

#include "fat_store.h"

#define FAT_READ_ONLY 0x01
#define FAT_VOLUME    0x08
#define FAT_IS_DIR    0x10
#define FAT_ARCHIVE   0x20

#define FAT_IS_FREE   0xe5
#define FAT_LONG      0x0f
#define FAT_ATTRIBUTE 11

static inline bool fat_is_free(const uint8_t *slot)
{
    return slot[0] == FAT_IS_FREE || slot[0] == 0;
}

static inline bool fat_is_long(const uint8_t *slot)
{
    return !fat_is_free(slot) && (slot[FAT_ATTRIBUTE] & 0x3f) == FAT_LONG;
}

static inline bool fat_is_short(const uint8_t *slot)
{
    return !fat_is_free(slot) && (slot[FAT_ATTRIBUTE] & 0x3f) != FAT_LONG;
}

/* What people call a file or a directory. */
static inline bool fat_is_name(const uint8_t *slot)
{
    return fat_is_short(slot) && !(slot[FAT_ATTRIBUTE] & FAT_VOLUME) &&
           slot[0] != '.';
}

/* The fields of a slot. */
static inline bool fat_is_directory(const uint8_t *slot)
{
    return slot[11] & FAT_IS_DIR;
}
static inline uint32_t fat_size(const uint8_t *slot)
{
    return fat_get32(slot + 28);
}
uint32_t fat_first_cluster(const struct fat *f, const uint8_t *slot);
void fat_put_first_cluster(uint8_t *slot, uint32_t cluster);

/* 0: unknown. */
nanoseconds fat_entry_time(const uint8_t *slot);
void fat_entry_set_time(const struct fat *f, uint8_t *slot, bool is_new);

#endif
