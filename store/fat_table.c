/* SPDX-License-Identifier: ISC */
#include "fat_table.h"
#include "fat_commit.h"
#include <string.h>

/* Bytes of a buffer, unless sectors are larger. FAT12: 3 sectors, so that no
 * entry is in two buffers. */
#define BUFFER 4096u

uint32_t fat_table_buffer_sectors(const struct fat_layout *l)
{
    return l->type == FAT12          ? 3
           : l->sector_size < BUFFER ? BUFFER / l->sector_size
                                     : 1;
}

uint32_t fat_eoc(const struct fat *f)
{
    return f->l.type == FAT12   ? 0xfff
           : f->l.type == FAT16 ? 0xffff
                                : 0x0fffffff;
}

enum status fat_table_find(struct fat *f, uint32_t cluster,
                           struct fat_buffer **buffer, uint32_t *i)
{
    uint32_t size = fat_table_buffer_sectors(&f->l);
    uint32_t in_one = size * f->l.sector_size / f->l.type * 8;
    uint32_t at;

    if (f->l.type == FAT12)
        in_one = 2 * f->l.sector_size;
    at = cluster / in_one * size;
    *i = cluster % in_one;
    if (f->l.table_size - at < size)
        size = (uint32_t)(f->l.table_size - at);
    return fat_buffer_get(f, f->l.table + at, size, FAT_TABLE, buffer);
}

uint32_t fat_table_entry(const struct fat *f, const uint8_t *table, uint32_t i)
{
    if (f->l.type == FAT12)
        return fat_get16(table + i * 3 / 2) >> (i % 2 ? 4 : 0) & 0xfff;
    return f->l.type == FAT16 ? fat_get16(table + i * 2)
                              : fat_get32(table + i * 4) & 0x0fffffff;
}

/* Encodes an entry to bytes, which belong at *at in the table, and returns how
 * many. The upper four bits of FAT32's are reserved, and kept. */
static size_t put_entry(const struct fat *f, const uint8_t *table, uint32_t i,
                        uint32_t value, uint8_t bytes[4], size_t *at)
{
    if (f->l.type == FAT12) {
        uint32_t v = fat_get16(table + (*at = i * 3 / 2));

        fat_put16(bytes, i % 2 ? (v & 0x000f) | value << 4
                               : (v & 0xf000) | value);
        return 2;
    }
    if (f->l.type == FAT16) {
        *at = (size_t)i * 2;
        fat_put16(bytes, value);
        return 2;
    }
    *at = (size_t)i * 4;
    fat_put32(bytes, (fat_get32(table + *at) & 0xf0000000) | value);
    return 4;
}

enum status fat_table_get(struct fat *f, uint32_t cluster, uint32_t *value)
{
    struct fat_buffer *p;
    uint32_t i;
    enum status s = fat_table_find(f, cluster, &p, &i);

    if (s == OK)
        *value = fat_table_entry(f, p->now, i);
    return s;
}

enum status fat_table_set(struct fat *f, uint32_t cluster, uint32_t value)
{
    struct fat_buffer *p;
    uint32_t i;
    uint8_t bytes[4];
    size_t at, len;
    enum status s = fat_table_find(f, cluster, &p, &i);

    if (s)
        return s;
    len = put_entry(f, p->now, i, value, bytes, &at);
    return fat_buffer_change(f, p, at, bytes, len);
}

enum status fat_cut_chain(struct fat *f, uint32_t cluster)
{
    return fat_table_set(f, cluster, fat_eoc(f));
}

static bool is_eoc(const struct fat *f, uint32_t value)
{
    return value >= (fat_eoc(f) & ~7u);
}

enum status fat_next_cluster(struct fat *f, uint32_t cluster, uint32_t *next)
{
    uint32_t v;
    enum status s = fat_table_get(f, cluster, &v);

    if (s)
        return s;
    if (is_eoc(f, v)) {
        *next = 0;
        return OK;
    }
    if (!fat_is_cluster(&f->l, v))
        return fat_corrupt("cluster %u is followed by %u, which is none",
                           (unsigned)cluster, (unsigned)v);
    *next = v;
    return OK;
}

bool fat_is_bad(const struct fat *f, uint32_t value)
{
    return value == (fat_eoc(f) & ~8u);
}

uint32_t fat_table_entries(const struct fat *f, const struct fat_buffer *p)
{
    return (uint32_t)((uint64_t)p->count * f->l.sector_size * 8 / f->l.type);
}

bool fat_is_cut(const struct fat *f, uint32_t old, uint32_t now)
{
    return old != 0 && !is_eoc(f, old) && is_eoc(f, now);
}

void fat_table_step(const struct fat *f, const struct fat_buffer *p, int step,
                    uint8_t *to)
{
    uint32_t entries = fat_table_entries(f, p);

    memcpy(to, p->old, (size_t)p->count * f->l.sector_size);
    for (uint32_t i = 0; i < entries; i++) {
        uint32_t old = fat_table_entry(f, p->old, i),
                 now = fat_table_entry(f, p->now, i);
        uint8_t bytes[4];
        size_t at, len;

        if (old == now || now == 0 || (step < FAT_STEP_LINKS && old != 0) ||
            (step < FAT_STEP_CUTS && fat_is_cut(f, old, now)))
            continue;
        len = put_entry(f, to, i, now, bytes, &at);
        memcpy(to + at, bytes, len);
    }
}

bool fat_is_torn(const struct fat *f, const struct fat_buffer *p, int step)
{
    uint32_t size = f->l.sector_size, entries = fat_table_entries(f, p);

    for (uint32_t i = 0; i < entries; i++) {
        uint32_t old = fat_table_entry(f, p->old, i),
                 now = fat_table_entry(f, p->now, i);

        if (step < FAT_STEP_CUTS && fat_is_cut(f, old, now))
            continue;
        if (i * 3 / 2 % size == size - 1 && old != now && old != 0 && now != 0)
            return true;
    }
    return false;
}
