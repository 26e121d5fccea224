/* SPDX-License-Identifier: ISC */
/*
 * Buffers are found by a hash of their first sector, and linked by last use.
 * One that was changed also holds what the disk has (old).
 */
#include "fat_cache.h"
#include <mirage/panic.h>
#include <mirage/text.h>
#include <stdlib.h>
#include <string.h>

LOG_SOURCE_SHARED(fat);

enum status fat_corrupt(const char *fmt, ...)
{
    char text[160];
    va_list args;

    va_start(args, fmt);
    text_vformat(text, sizeof text, fmt, args);
    va_end(args);
    log_error(&fat, "the file system is damaged: %s", text);
    return ERR_CORRUPT;
}

static struct fat_buffer **bucket(struct fat *f, uint64_t sector)
{
    return &f->cache.hash[sector * 0x9e3779b97f4a7c15u >> 55];
}

static void unlink_piece(struct fat *f, struct fat_buffer *p)
{
    *(p->newer ? &p->newer->older : &f->cache.newest) = p->older;
    *(p->older ? &p->older->newer : &f->cache.oldest) = p->newer;
}

static void make_newest(struct fat *f, struct fat_buffer *p)
{
    p->newer = NULL;
    p->older = f->cache.newest;
    *(p->older ? &p->older->newer : &f->cache.oldest) = p;
    f->cache.newest = p;
}

void fat_buffer_written(struct fat *f, struct fat_buffer *p)
{
    if (p->old)
        f->cache.dirty_bytes -= fat_buffer_size(f, p);
    free(p->old);
    p->old = NULL;
    p->removed_early[0] = p->removed_early[1] = 0;
}

static void free_piece(struct fat *f, struct fat_buffer *p)
{
    struct fat_buffer **at = bucket(f, p->sector);

    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    unlink_piece(f, p);
    fat_buffer_written(f, p);
    f->cache.bytes -= fat_buffer_size(f, p);
    free(p);
}

/* Frees clean buffers, the least recently used first. FAT_CACHE_BYTES is enough
 * for the few that are lent. */
static void make_room(struct fat *f)
{
    struct fat_buffer *p = f->cache.oldest;

    while (f->cache.bytes > FAT_CACHE_BYTES + f->cache.dirty_bytes && p) {
        struct fat_buffer *newer = p->newer;

        if (!p->old)
            free_piece(f, p);
        p = newer;
    }
}

enum status fat_buffer_get(struct fat *f, uint64_t sector, uint32_t count,
                           enum fat_kind kind, struct fat_buffer **buffer)
{
    struct fat_buffer **at = bucket(f, sector), *p = *at;
    enum status s;

    while (p && p->sector != sector)
        p = p->next;
    if (p) {
        unlink_piece(f, p);
        make_newest(f, p);
        *buffer = p;
        return OK;
    }
    make_room(f);
    p = malloc(sizeof *p + (size_t)count * f->l.sector_size);
    if (!p)
        return ERR_NO_MEMORY;
    *p = (struct fat_buffer){.sector = sector, .count = count, .kind = kind};
    if (kind == FAT_TABLE && f->copies.reads_second)
        s = block_read(f->block, sector + f->l.table_size, p->now, count);
    else
        s = block_read(f->block, sector, p->now, count);
    if (s) {
        free(p);
        return s;
    }
    p->next = *at;
    *at = p;
    make_newest(f, p);
    f->cache.bytes += fat_buffer_size(f, p);
    *buffer = p;
    return OK;
}

enum status fat_buffer_change(struct fat *f, struct fat_buffer *p, size_t at,
                              const void *data, size_t len)
{
    struct fat_undo *u = &f->cache.undo[f->cache.undo_count];

    if (memcmp(p->now + at, data, len) == 0)
        return OK;
    require(f->cache.undo_count < FAT_UNDO);
    if (!p->old) {
        p->old = malloc(fat_buffer_size(f, p));
        if (!p->old)
            return ERR_NO_MEMORY;
        memcpy(p->old, p->now, fat_buffer_size(f, p));
        f->cache.dirty_bytes += fat_buffer_size(f, p);
    }
    u->buffer = p;
    u->at = (uint16_t)at;
    u->len = (uint8_t)len;
    memcpy(u->was, p->now + at, len);
    f->cache.undo_count++;
    memcpy(p->now + at, data, len);
    return OK;
}

bool fat_has_changes(const struct fat *f)
{
    return f->cache.dirty_bytes > 0 || f->alloc.to_free_count > 0;
}

void fat_roll_back(struct fat *f)
{
    while (f->cache.undo_count > 0) {
        const struct fat_undo *u = &f->cache.undo[--f->cache.undo_count];

        memcpy(u->buffer->now + u->at, u->was, u->len);
    }
    while (f->alloc.allocated_count > 0) {
        uint32_t i = f->alloc.allocated[--f->alloc.allocated_count] - FAT_FIRST;

        f->alloc.used[i / 64] &= ~((uint64_t)1 << i % 64);
        f->alloc.free++;
    }
}

void fat_keep_changes(struct fat *f)
{
    f->cache.undo_count = 0;
    f->alloc.allocated_count = 0;
}

void fat_buffers_drop(struct fat *f, uint64_t sector, uint32_t count)
{
    for (uint64_t end = sector + count; sector < end; sector++) {
        struct fat_buffer *p = *bucket(f, sector);

        while (p && p->sector != sector)
            p = p->next;
        if (p)
            free_piece(f, p);
    }
}

void fat_forget_all(struct fat *f)
{
    fat_keep_changes(f);
    while (f->cache.newest)
        free_piece(f, f->cache.newest);
    f->alloc.to_free_count = 0;
    f->alloc.is_freeing = f->is_marked = false;
    f->copies.is_prepared = false;
    f->bounce_sector = FAT_NO_SECTOR;
    memset(f->chain, 0, sizeof f->chain);
    free(f->alloc.used);
    f->alloc.used = f->alloc.freeing = NULL;
}

enum status fat_write_data(struct fat *f, uint64_t sector, const void *data,
                           uint32_t count)
{
    f->cache.is_unflushed = true;
    if (f->bounce_sector - sector < count)
        f->bounce_sector = FAT_NO_SECTOR;
    return block_write(f->block, sector, data, count);
}

enum status fat_write_zeros(struct fat *f, uint64_t sector, uint64_t count)
{
    uint32_t most = FAT_ZEROS / f->l.sector_size;
    enum status s = OK;

    while (s == OK && count > 0) {
        uint32_t n = count < most ? (uint32_t)count : most;

        s = fat_write_data(f, sector, f->zeros, n);
        sector += n;
        count -= n;
    }
    return s;
}

enum status fat_barrier(struct fat *f)
{
    enum status s = f->cache.is_unflushed ? block_flush(f->block) : OK;

    if (s == OK)
        f->cache.is_unflushed = false;
    return s;
}
