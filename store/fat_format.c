/* SPDX-License-Identifier: ISC */
/*
 * Makes an empty file system. The boot sector is written last, so that a disk
 * whose formatting was interrupted has none.
 */
#include "fat_layout.h"
#include <mirage/buf.h>
#include <stdlib.h>
#include <string.h>

#define PAGES 16

/* The disk, zeroed pages to write to it, and memory for one sector. */
struct target {
    struct block *block;
    const struct fat_layout *l;
    uint8_t *zeros, *sector;
};

static enum status write_zeros(const struct target *m, uint64_t sector,
                               uint64_t count)
{
    uint64_t most = PAGES * PAGE_BYTES / m->l->sector_size;
    enum status s = OK;

    while (s == OK && count > 0) {
        uint64_t n = count < most ? count : most;

        s = block_write(m->block, sector, m->zeros, (size_t)n);
        sector += n;
        count -= n;
    }
    return s;
}

/* Writes a sector that begins with these bytes and is zero beyond. */
static enum status write_sector(const struct target *m, uint64_t sector,
                                const void *bytes, size_t len)
{
    memset(m->sector, 0, m->l->sector_size);
    memcpy(m->sector, bytes, len);
    return block_write(m->block, sector, m->sector, 1);
}

static enum status write_tables(const struct target *m)
{
    const struct fat_layout *l = m->l;
    uint8_t b[12];
    size_t len = l->type == FAT12   ? 3
                 : l->type == FAT16 ? 4
                                    : 12;
    enum status s = OK;

    memset(b, 0xff, sizeof b);
    b[0] = l->media;
    if (l->type == FAT32)
        b[3] = b[7] = b[11] = 0x0f;
    for (uint32_t i = 0; s == OK && i < l->tables; i++) {
        uint64_t at = l->table + (uint64_t)i * l->table_size;

        s = write_zeros(m, at, l->table_size);
        if (s == OK)
            s = write_sector(m, at, b, len);
    }
    return s;
}

static enum status write_root(const struct target *m, const char *label)
{
    const struct fat_layout *l = m->l;
    uint64_t at = l->root;
    uint8_t slot[12];
    enum status s;

    if (l->type == FAT32)
        at = fat_sector_of(l, l->root_cluster);
    s = write_zeros(m, at, l->type == FAT32 ? l->cluster : l->root_size);
    if (s || !label)
        return s;
    memset(slot, ' ', 11);
    memcpy(slot, label, strlen(label));
    slot[11] = 0x08;
    return write_sector(m, at, slot, sizeof slot);
}

/* FAT32's FSInfo sector, and the backups of it and of the boot sector. */
static enum status write_info(const struct target *m, const uint8_t *boot)
{
    uint8_t info[FAT_BOOT] = {0};
    enum status s;

    fat_put32(info + FSI_LEAD_SIG, FSI_LEAD);
    fat_put32(info + FSI_STRUC_SIG, FSI_STRUC);
    fat_put32(info + FSI_FREE_COUNT, m->l->clusters - 1);
    fat_put32(info + FSI_NXT_FREE, FAT_FIRST + 1);
    info[510] = 0x55;
    info[511] = 0xaa;
    s = write_zeros(m, 1, m->l->table - 1);
    if (s == OK)
        s = write_sector(m, m->l->info, info, sizeof info);
    if (s == OK)
        s = write_sector(m, 7, info, sizeof info);
    return s ? s : write_sector(m, 6, boot, FAT_BOOT);
}

static enum status format(const struct target *m, const char *label,
                          const uint8_t *boot)
{
    enum status s = write_zeros(m, 0, 1);

    if (s == OK)
        s = block_flush(m->block);
    if (s == OK)
        s = write_tables(m);
    if (s == OK)
        s = write_root(m, label);
    if (s == OK && m->l->type == FAT32)
        s = write_info(m, boot);
    if (s == OK)
        s = block_flush(m->block);
    if (s == OK)
        s = write_sector(m, 0, boot, FAT_BOOT);
    return s ? s : block_flush(m->block);
}

static bool is_label(const char *label)
{
    size_t len = label ? strlen(label) : 1;

    if (len == 0 || len > 11)
        return false;
    for (; label && *label; label++)
        if (*label < 0x20 || *label > 0x7e ||
            (*label >= 'a' && *label <= 'z') ||
            strchr("\"*+,./:;<=>?[\\]|", *label))
            return false;
    return true;
}

enum status fat_format(struct block *block, const struct fat_options *options)
{
    static const struct fat_options none;
    struct fat_layout l;
    uint8_t boot[FAT_BOOT];
    struct target m = {.block = block, .l = &l};
    enum status s;

    if (!options)
        options = &none;
    if (!block->info.writable)
        return ERR_READ_ONLY;
    if (!is_label(options->label))
        return ERR_NAME;
    s = fat_layout_plan(block->info.sectors, block->info.sector_size, options,
                        &l, boot);
    if (s)
        return s;
    m.zeros = page_alloc(PAGES);
    m.sector = malloc(l.sector_size);
    s = m.zeros && m.sector ? format(&m, options->label, boot) : ERR_NO_MEMORY;
    if (m.zeros)
        page_free(m.zeros, PAGES);
    free(m.sector);
    return s;
}
