/* SPDX-License-Identifier: ISC */
/*
 * All fields of a boot sector are checked against the size of the disk, in 64
 * bits, so that no layout leads beyond it.
 */
#include "fat_layout.h"
#include <string.h>

#define MEDIA      0xf8
#define SLOT       32u
#define BACKUP     6u /* BPB_BkBootSec: the sector of FAT32's backup */
#define RESERVED32 32u /* BPB_RsvdSecCnt of FAT32 */
#define PAGE       4096u
#define SMALL      ((uint64_t)4 << 20) /* bytes of a disk that has no room to
                                          spare for alignment */

/* Fields of the boot sector, by the names of the specification. */
enum field {
    BS_OEM_NAME = 3,
    BPB_BYTS_PER_SEC = 11,
    BPB_SEC_PER_CLUS = 13,
    BPB_RSVD_SEC_CNT = 14,
    BPB_NUM_FATS = 16,
    BPB_ROOT_ENT_CNT = 17,
    BPB_TOT_SEC16 = 19,
    BPB_MEDIA = 21,
    BPB_FAT_SZ16 = 22,
    BPB_SEC_PER_TRK = 24,
    BPB_NUM_HEADS = 26,
    BPB_TOT_SEC32 = 32,
    BPB_FAT_SZ32 = 36, /* from here on FAT32 */
    BPB_EXT_FLAGS = 40,
    BPB_FS_VER = 42,
    BPB_ROOT_CLUS = 44,
    BPB_FS_INFO = 48,
    BPB_BK_BOOT_SEC = 50,
    SIGNATURE = 510
};

/* BPB_ExtFlags: the FAT is not mirrored, and which copy is the active one. */
#define NOT_MIRRORED 0x80
#define ACTIVE_FAT   0x0f

/* The fields of the boot sector, in its own sectors. */
struct fields {
    uint32_t size, cluster, reserved, tables, root_slots, total, table_size;
    uint32_t flags, version, root_cluster, info;
    bool is_32;
};

static bool is_power_of_two(uint32_t n)
{
    return n != 0 && (n & (n - 1)) == 0;
}

static void read_fields(const uint8_t *b, struct fields *f)
{
    f->size = fat_get16(b + BPB_BYTS_PER_SEC);
    f->cluster = b[BPB_SEC_PER_CLUS];
    f->reserved = fat_get16(b + BPB_RSVD_SEC_CNT);
    f->tables = b[BPB_NUM_FATS];
    f->root_slots = fat_get16(b + BPB_ROOT_ENT_CNT);
    f->total = fat_get16(b + BPB_TOT_SEC16);
    if (f->total == 0)
        f->total = fat_get32(b + BPB_TOT_SEC32);
    f->table_size = fat_get16(b + BPB_FAT_SZ16);
    f->is_32 = f->table_size == 0;
    f->flags = f->version = f->root_cluster = f->info = 0;
    if (f->is_32) {
        f->table_size = fat_get32(b + BPB_FAT_SZ32);
        f->flags = fat_get16(b + BPB_EXT_FLAGS);
        f->version = fat_get16(b + BPB_FS_VER);
        f->root_cluster = fat_get32(b + BPB_ROOT_CLUS);
        f->info = fat_get16(b + BPB_FS_INFO);
    }
}

/* Names the format of a disk that is not a FAT volume. */
static const char *describe_other(const uint8_t *b)
{
    size_t zeros = 0;

    while (zeros < FAT_BOOT && b[zeros] == 0)
        zeros++;
    if (zeros == FAT_BOOT)
        return "the first sector is empty";
    if (memcmp(b + BS_OEM_NAME, "EXFAT   ", 8) == 0)
        return "it is exFAT, which is another format";
    if (memcmp(b + BS_OEM_NAME, "NTFS    ", 8) == 0)
        return "it is NTFS";
    if (b[SIGNATURE] != 0x55 || b[SIGNATURE + 1] != 0xaa)
        return "the first sector is no boot sector";
    for (int i = 0; i < 4; i++)
        if (b[446 + 16 * i + 4] != 0 && (b[446 + 16 * i] & 0x7f) == 0)
            return "it is a disk with partitions; a partition of it may be FAT";
    return "the boot sector is not FAT's";
}

static bool looks_like_fat(const uint8_t *b, const struct fields *f)
{
    return b[SIGNATURE] == 0x55 && b[SIGNATURE + 1] == 0xaa &&
           memcmp(b + BS_OEM_NAME, "NTFS", 4) != 0 &&
           is_power_of_two(f->size) && f->size >= 512 && f->size <= 4096 &&
           is_power_of_two(f->cluster) && f->reserved > 0 && f->tables > 0 &&
           f->tables <= 4 && (b[BPB_MEDIA] == 0xf0 || b[BPB_MEDIA] >= 0xf8);
}

/* Bytes of a FAT with so many entries. */
static uint64_t table_bytes(enum fat_type type, uint64_t entries)
{
    return (entries * type + 7) / 8;
}

/* Sectors that so many entries fill: at most 2 Mi of 512 bytes. */
static uint32_t used_sectors(enum fat_type type, uint64_t entries,
                             uint32_t sector_size)
{
    return (uint32_t)((table_bytes(type, entries) + sector_size - 1) /
                      sector_size);
}

/* Computes the layout from the fields. Returns the error, or NULL. */
static const char *compute(const struct fields *f, uint64_t disk_bytes,
                           struct fat_layout *l)
{
    uint32_t scale = f->size / l->sector_size;
    uint64_t root = f->reserved + (uint64_t)f->tables * f->table_size;
    uint32_t root_size = (f->root_slots * SLOT + f->size - 1) / f->size;
    uint64_t clusters;

    if ((uint64_t)f->total * f->size > disk_bytes)
        return "it is larger than the disk";
    if (f->table_size == 0 || root + root_size >= f->total)
        return "its tables leave no room for data";
    clusters = (f->total - root - root_size) / f->cluster;
    if (clusters == 0)
        return "it has no cluster";
    l->type = f->is_32                 ? FAT32
              : clusters <= FAT12_MOST ? FAT12
                                       : FAT16;
    if (clusters > (f->is_32 ? FAT32_MOST : FAT16_MOST))
        return "it has too many clusters for its type";
    if (table_bytes(l->type, clusters + FAT_FIRST) >
        (uint64_t)f->table_size * f->size)
        return "its table is too short for its clusters";
    if (!f->is_32 && f->root_slots == 0)
        return "its root directory has no room";
    l->cluster = f->cluster * scale;
    l->cluster_size = f->cluster * f->size;
    l->clusters = (uint32_t)clusters;
    l->tables = f->tables;
    l->table = (uint64_t)f->reserved * scale;
    l->table_size = (uint64_t)f->table_size * scale;
    l->table_used = used_sectors(l->type, clusters + FAT_FIRST,
                                 l->sector_size);
    l->root = root * scale;
    l->root_size = f->is_32 ? 0 : root_size * scale;
    l->data = (root + root_size) * scale;
    return NULL;
}

static const char *compute_32(const struct fields *f, struct fat_layout *l)
{
    uint32_t scale = f->size / l->sector_size;

    if (f->version != 0)
        return "it is of a version that is not known here";
    l->root_cluster = f->root_cluster;
    if (!fat_is_cluster(l, l->root_cluster))
        return "its root directory lies outside";
    if (f->info > 0 && f->info < f->reserved)
        l->info = (uint64_t)f->info * scale;
    if (f->flags & NOT_MIRRORED) { /* one copy is in use */
        if ((f->flags & ACTIVE_FAT) >= f->tables)
            return "the table in use is one that it does not have";
        l->table += (uint64_t)(f->flags & ACTIVE_FAT) * l->table_size;
        l->tables = 1;
    }
    return NULL;
}

enum status fat_layout_parse(const uint8_t boot[FAT_BOOT], uint64_t sectors,
                             uint32_t sector_size, struct fat_layout *layout,
                             const char **why)
{
    struct fat_layout l = {.sector_size = sector_size,
                           .media = boot[BPB_MEDIA]};
    struct fields f;

    read_fields(boot, &f);
    if (!looks_like_fat(boot, &f)) {
        *why = describe_other(boot);
        return ERR_FORMAT;
    }
    if (f.size < sector_size) {
        *why = "it is made for smaller sectors than the disk's";
        return ERR_FORMAT;
    }
    *why = compute(&f, sectors * sector_size, &l);
    if (!*why && l.type == FAT32)
        *why = compute_32(&f, &l);
    if (*why)
        return ERR_CORRUPT;
    *layout = l;
    return OK;
}

/* Finds the smallest table_size for clusters of l->cluster sectors, and the
 * number of clusters. false: there is none. */
static bool fit_table(uint64_t sectors, uint64_t before, struct fat_layout *l)
{
    uint64_t clusters, size = 0, wanted = 1;

    while (size < wanted) {
        size = wanted;
        if (before + 2 * size >= sectors)
            return false;
        clusters = (sectors - before - 2 * size) / l->cluster;
        wanted = used_sectors(l->type, clusters + FAT_FIRST, l->sector_size);
    }
    if (clusters == 0 || clusters > FAT32_MOST)
        return false;
    l->table_size = size;
    l->clusters = (uint32_t)clusters;
    return true;
}

static bool is_of_type(const struct fat_layout *l)
{
    return l->type == FAT12   ? l->clusters <= FAT12_MOST
           : l->type == FAT16 ? l->clusters > FAT12_MOST &&
                                    l->clusters <= FAT16_MOST
                              : l->clusters > FAT16_MOST;
}

/* The root directory of FAT12 and FAT16, in sectors. */
static uint32_t root_sectors(uint64_t sectors, uint32_t size, uint32_t slots)
{
    if (slots == 0)
        slots = sectors * size < 128 * 1024 ? 64 : 512;
    return (slots * SLOT + size - 1) / size;
}

/* Aligns the data to a page by reserved sectors, if the disk is large enough:
 * disks that are files of the host are then read faster. */
static bool align(uint64_t sectors, struct fat_layout *l)
{
    uint32_t page = l->sector_size < PAGE ? PAGE / l->sector_size : 1;
    uint64_t data = l->table + 2 * l->table_size + l->root_size;

    if (sectors * l->sector_size < SMALL || l->cluster_size % PAGE != 0)
        return true;
    l->table += (page - data % page) % page;
    data += (page - data % page) % page;
    l->clusters = (uint32_t)((sectors - data) / l->cluster);
    return is_of_type(l);
}

/* Tries cluster sizes from least to most for a type. */
static bool try_type(uint64_t sectors, enum fat_type type, uint32_t least,
                     uint32_t most, uint32_t slots, struct fat_layout *l)
{
    uint32_t reserved = type == FAT32 ? RESERVED32 : 1;

    l->type = type;
    l->root_size = type == FAT32
                       ? 0
                       : root_sectors(sectors, l->sector_size, slots);
    for (uint32_t size = least; size <= most; size *= 2) {
        if (size < l->sector_size || size / l->sector_size > 128)
            continue;
        l->cluster = size / l->sector_size;
        l->cluster_size = size;
        l->table = reserved;
        if (fit_table(sectors, reserved + l->root_size, l) && is_of_type(l) &&
            align(sectors, l))
            return true;
    }
    return false;
}

/* Chooses type and cluster size by the size of the disk, as other programs do,
 * where the options do not. */
static bool choose(uint64_t sectors, const struct fat_options *o,
                   struct fat_layout *l)
{
    uint64_t bytes = sectors * l->sector_size;
    uint32_t size = o->cluster_size, slots = o->root_slots;
    uint32_t least32 = bytes <= (uint64_t)8 << 30    ? 4096
                       : bytes <= (uint64_t)16 << 30 ? 8192
                       : bytes <= (uint64_t)32 << 30 ? 16384
                                                     : 32768;

    if (o->type != 0)
        return try_type(sectors, (enum fat_type)o->type, size ? size : 512,
                        size ? size : 65536, slots, l);
    if (size != 0)
        return try_type(sectors, FAT12, size, size, slots, l) ||
               try_type(sectors, FAT16, size, size, slots, l) ||
               try_type(sectors, FAT32, size, size, slots, l);
    return (bytes <= (uint64_t)16 << 20 &&
            try_type(sectors, FAT12, 512, 4096, slots, l)) ||
           (bytes < (uint64_t)512 << 20 &&
            try_type(sectors, FAT16, 2048, 8192, slots, l)) ||
           try_type(sectors, FAT32, least32, 65536, slots, l);
}

static void put_label(uint8_t *to, const char *label)
{
    size_t len = label ? strlen(label) : 0;

    memset(to, ' ', 11);
    memcpy(to, len > 0 ? label : "NO NAME", len > 0 ? len : 7);
}

static void put_boot(const struct fat_layout *l, uint64_t sectors,
                     const struct fat_options *o, uint8_t *b)
{
    bool is_32 = l->type == FAT32;
    uint8_t *more = b + (is_32 ? 64 : 36);

    memset(b, 0, FAT_BOOT);
    memcpy(b, is_32 ? "\xeb\x58\x90" : "\xeb\x3c\x90", 3);
    memcpy(b + BS_OEM_NAME, "MIRAGEC ", 8);
    fat_put16(b + BPB_BYTS_PER_SEC, l->sector_size);
    b[BPB_SEC_PER_CLUS] = (uint8_t)l->cluster;
    fat_put16(b + BPB_RSVD_SEC_CNT, (uint32_t)l->table);
    b[BPB_NUM_FATS] = 2;
    fat_put16(b + BPB_ROOT_ENT_CNT, l->root_size * l->sector_size / SLOT);
    if (!is_32 && sectors < 65536)
        fat_put16(b + BPB_TOT_SEC16, (uint32_t)sectors);
    else
        fat_put32(b + BPB_TOT_SEC32, (uint32_t)sectors);
    b[BPB_MEDIA] = MEDIA;
    fat_put16(b + BPB_SEC_PER_TRK, 63);
    fat_put16(b + BPB_NUM_HEADS, 255);
    if (is_32) {
        fat_put32(b + BPB_FAT_SZ32, (uint32_t)l->table_size);
        fat_put32(b + BPB_ROOT_CLUS, l->root_cluster);
        fat_put16(b + BPB_FS_INFO, (uint32_t)l->info);
        fat_put16(b + BPB_BK_BOOT_SEC, BACKUP);
    } else {
        fat_put16(b + BPB_FAT_SZ16, (uint32_t)l->table_size);
    }
    more[0] = 0x80;
    more[2] = 0x29;
    fat_put32(more + 3, o->volume_id);
    put_label(more + 7, o->label);
    memcpy(more + 18,
           is_32              ? "FAT32   "
           : l->type == FAT16 ? "FAT16   "
                              : "FAT12   ",
           8);
    /* Code that stops the machine, should it be booted: cli; hlt; jmp. */
    memcpy(b + (is_32 ? 90 : 62), "\xfa\xf4\xeb\xfc", 4);
    b[SIGNATURE] = 0x55;
    b[SIGNATURE + 1] = 0xaa;
}

enum status fat_layout_plan(uint64_t sectors, uint32_t sector_size,
                            const struct fat_options *options,
                            struct fat_layout *layout, uint8_t *boot)
{
    struct fat_layout l = {.sector_size = sector_size,
                           .tables = 2,
                           .media = MEDIA};

    if (sectors > UINT32_MAX || options->root_slots > 65504 ||
        (options->cluster_size != 0 &&
         !is_power_of_two(options->cluster_size)) ||
        (options->type != 0 && options->type != FAT12 &&
         options->type != FAT16 && options->type != FAT32))
        return ERR_RANGE;
    if (!choose(sectors, options, &l))
        return options->type == 0 && options->cluster_size == 0 ? ERR_NO_SPACE
                                                                : ERR_RANGE;
    l.root = l.table + 2 * l.table_size;
    l.table_used = used_sectors(l.type, (uint64_t)l.clusters + FAT_FIRST,
                                sector_size);
    l.data = l.root + l.root_size;
    if (l.type == FAT32) {
        l.root_cluster = FAT_FIRST;
        l.info = 1;
    }
    put_boot(&l, sectors, options, boot);
    *layout = l;
    return OK;
}
