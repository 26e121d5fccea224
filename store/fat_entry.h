/* SPDX-License-Identifier: ISC */
/*
 * fat_entry: the fields of a 32-byte directory entry, by the names that the
 * specification gives them.
 */
#ifndef STORE_FAT_ENTRY_H
#define STORE_FAT_ENTRY_H

#include "fat_fs.h"

enum fat_entry_field {
    DIR_NAME = 0, /* the short name; its first byte also says what is free */
    DIR_ATTR = 11,
    DIR_NT_RES = 12, /* which parts of the short name are in lower case */
    DIR_CRT_TIME_TENTH = 13,
    DIR_CRT_TIME = 14,
    DIR_CRT_DATE = 16,
    DIR_LST_ACC_DATE = 18,
    DIR_FST_CLUS_HI = 20, /* FAT32 */
    DIR_WRT_TIME = 22,
    DIR_WRT_DATE = 24,
    DIR_FST_CLUS_LO = 26,
    DIR_FILE_SIZE = 28,
    LDIR_ORD = 0, /* of a long name entry */
    LDIR_CHKSUM = 13
};

/* DIR_ATTR. Long name entries have a combination that no file has. */
#define FAT_READ_ONLY      0x01
#define FAT_VOLUME         0x08
#define FAT_IS_DIR         0x10
#define FAT_ARCHIVE        0x20
#define FAT_ATTR_LONG      0x0f
#define FAT_ATTR_LONG_MASK 0x3f

/* DIR_NAME[0] of a free entry; 0: this one and all after it are free. */
#define FAT_IS_FREE 0xe5

/* LDIR_ORD of the last part of a long name, which comes first on the disk. */
#define FAT_LAST_LONG 0x40

static inline bool fat_is_free(const uint8_t *slot)
{
    return slot[DIR_NAME] == FAT_IS_FREE || slot[DIR_NAME] == 0;
}

static inline bool fat_is_long(const uint8_t *slot)
{
    return !fat_is_free(slot) &&
           (slot[DIR_ATTR] & FAT_ATTR_LONG_MASK) == FAT_ATTR_LONG;
}

static inline bool fat_is_short(const uint8_t *slot)
{
    return !fat_is_free(slot) &&
           (slot[DIR_ATTR] & FAT_ATTR_LONG_MASK) != FAT_ATTR_LONG;
}

/* Whether it is the short entry of a file or directory: not the volume's label,
 * nor "." or "..". */
static inline bool fat_is_name(const uint8_t *slot)
{
    return fat_is_short(slot) && !(slot[DIR_ATTR] & FAT_VOLUME) &&
           slot[DIR_NAME] != '.';
}

static inline bool fat_is_directory(const uint8_t *slot)
{
    return slot[DIR_ATTR] & FAT_IS_DIR;
}

static inline uint32_t fat_size(const uint8_t *slot)
{
    return fat_get32(slot + DIR_FILE_SIZE);
}

/* 0: the file is empty; or "..", of a directory in the root. */
static inline uint32_t fat_first_cluster(const struct fat *f,
                                         const uint8_t *slot)
{
    return fat_get16(slot + DIR_FST_CLUS_LO) |
           (f->l.type == FAT32 ? fat_get16(slot + DIR_FST_CLUS_HI) << 16 : 0);
}

static inline void fat_put_first_cluster(uint8_t *slot, uint32_t cluster)
{
    fat_put16(slot + DIR_FST_CLUS_LO, cluster);
    fat_put16(slot + DIR_FST_CLUS_HI, cluster >> 16);
}

/* The time of the last write; 0: it is unknown. */
nanoseconds fat_entry_time(const uint8_t *slot);

/* Sets the times of the last write and access to now, and that of creation of
 * an entry that is new. Years are clamped to 1980 to 2107. */
void fat_entry_set_time(const struct fat *f, uint8_t *slot, bool is_new);

#endif
