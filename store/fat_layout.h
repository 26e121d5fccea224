/* SPDX-License-Identifier: ISC */
/*
 * fat_layout: where the parts of a FAT file system lie, as its boot sector
 * says, and how a boot sector is made. After Microsoft's "FAT: General
 * Overview of On-Disk Format", 1.03.
 *
 * Sectors are the disk's own here, which may be smaller than those that the
 * boot sector counts in.
 */
#ifndef STORE_FAT_LAYOUT_H
#define STORE_FAT_LAYOUT_H

#include <mirage/fat.h>
#include <mirage/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAT_BOOT      512 /* bytes of the boot sector that mean something */
#define FAT_FIRST     2u /* the number of the first cluster */
#define FAT12_MOST    4084u
#define FAT16_MOST    65524u
#define FAT32_MOST    0x0ffffff4u
#define FAT_INFO_FREE 488
#define FAT_INFO_NEXT 492
#define FAT_UNKNOWN   0xffffffffu

enum fat_type { FAT12 = 12,
                FAT16 = 16,
                FAT32 = 32 };

struct fat_layout {
    enum fat_type type;
    uint32_t sector_size; /* bytes, the disk's */
    uint32_t cluster; /* sectors of one */
    uint32_t cluster_size; /* bytes */
    uint32_t clusters; /* their numbers begin with FAT_FIRST */
    uint32_t tables; /* copies of the table that are kept alike */
    uint64_t table; /* the first sector of the one to read */
    uint64_t table_size; /* sectors from one copy to the next */
    uint32_t table_used; /* of these, sectors that hold entries */
    uint64_t root; /* FAT12 and FAT16: the root directory */
    uint32_t root_size; /* sectors; FAT32: 0 */
    uint32_t root_cluster; /* FAT32 */
    uint64_t data; /* where cluster FAT_FIRST is */
    uint64_t info; /* FAT32's free count; 0: there is none */
    uint8_t media;
};

/* Little-endian numbers. */
static inline uint32_t fat_get16(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static inline uint32_t fat_get32(const uint8_t *p)
{
    return fat_get16(p) | fat_get16(p + 2) << 16;
}

static inline void fat_put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static inline void fat_put32(uint8_t *p, uint32_t v)
{
    fat_put16(p, v);
    fat_put16(p + 2, v >> 16);
}

/*
 * Understands the first FAT_BOOT bytes of a disk. ERR_FORMAT: this is no FAT
 * file system, or none for this disk. ERR_CORRUPT: it is one, and contradicts
 * itself. *why then says what is wrong, for people.
 */
MUST_CHECK enum status fat_layout_parse(const uint8_t boot[FAT_BOOT],
                                        uint64_t sectors,
                                        uint32_t sector_size,
                                        struct fat_layout *layout,
                                        const char **why);

/*
 * Plans a file system for a disk, and writes its boot sector, FAT_BOOT bytes,
 * to boot. ERR_NO_SPACE: the disk is too small. ERR_RANGE: too large, or not
 * with these options.
 */
MUST_CHECK enum status fat_layout_plan(uint64_t sectors, uint32_t sector_size,
                                       const struct fat_options *options,
                                       struct fat_layout *layout,
                                       uint8_t *boot);

/* The first sector of a cluster. */
static inline uint64_t fat_sector_of(const struct fat_layout *l,
                                     uint32_t cluster)
{
    return l->data + (uint64_t)(cluster - FAT_FIRST) * l->cluster;
}

/* Of FAT12's and FAT16's root directory. */
static inline uint32_t fat_root_slots(const struct fat_layout *l)
{
    return l->root_size * (l->sector_size / 32);
}

static inline bool fat_is_cluster(const struct fat_layout *l, uint32_t c)
{
    return c >= FAT_FIRST && c - FAT_FIRST < l->clusters;
}

#endif
