/* SPDX-License-Identifier: ISC */
/*
 * fat_layout: the boot sector: reading and making one, and where the parts of
 * a volume are according to it.
 *
 * Sectors are the disk's here, which may be smaller than those that the boot
 * sector counts in (BPB_BytsPerSec).
 */
#ifndef STORE_FAT_LAYOUT_H
#define STORE_FAT_LAYOUT_H

#include <mirage/fat.h>
#include <mirage/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAT_BOOT  512 /* bytes of the boot sector that have a meaning */
#define FAT_FIRST 2u /* the number of the first cluster */

/* Clusters of a volume, at most. */
#define FAT12_MOST 4084u
#define FAT16_MOST 65524u
#define FAT32_MOST 0x0ffffff4u

/* Fields of FAT32's FSInfo sector, and their values. */
#define FSI_LEAD_SIG   0
#define FSI_STRUC_SIG  484
#define FSI_FREE_COUNT 488
#define FSI_NXT_FREE   492
#define FSI_LEAD       0x41615252u
#define FSI_STRUC      0x61417272u
#define FSI_UNKNOWN    0xffffffffu /* FSI_FREE_COUNT */

enum fat_type { FAT12 = 12,
                FAT16 = 16,
                FAT32 = 32 };

struct fat_layout {
    enum fat_type type;
    uint32_t sector_size; /* bytes, of the disk */
    uint32_t cluster; /* sectors of a cluster */
    uint32_t cluster_size; /* bytes */
    uint32_t clusters; /* numbered from FAT_FIRST on */
    uint32_t tables; /* copies of the FAT that are kept equal */
    uint64_t table; /* the first sector of the FAT to read */
    uint64_t table_size; /* sectors from one copy to the next */
    uint32_t table_used; /* sectors of a copy that hold entries */
    uint64_t root; /* the root directory of FAT12 and FAT16 */
    uint32_t root_size; /* its sectors; FAT32: 0 */
    uint32_t root_cluster; /* of FAT32 */
    uint64_t data; /* the first sector of cluster FAT_FIRST */
    uint64_t info; /* FAT32's FSInfo sector; 0: there is none */
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
 * Parses the boot sector of a disk of so many sectors. ERR_FORMAT: it is not a
 * FAT volume's, or not one for this disk. ERR_CORRUPT: it contradicts itself or
 * the disk's size. *why then completes "there is no FAT file system that can be
 * used: ...".
 */
MUST_CHECK enum status fat_layout_parse(const uint8_t boot[FAT_BOOT],
                                        uint64_t sectors,
                                        uint32_t sector_size,
                                        struct fat_layout *layout,
                                        const char **why);

/*
 * Chooses the layout of a new volume, and makes its boot sector, of FAT_BOOT
 * bytes. ERR_NO_SPACE: the disk is too small. ERR_RANGE: it is too large, or
 * the options do not suit its size.
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

/* The entries that the root directory of FAT12 or FAT16 has room for. */
static inline uint32_t fat_root_slots(const struct fat_layout *l)
{
    return l->root_size * (l->sector_size / 32);
}

static inline bool fat_is_cluster(const struct fat_layout *l, uint32_t c)
{
    return c >= FAT_FIRST && c - FAT_FIRST < l->clusters;
}

#endif
