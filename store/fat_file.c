/* SPDX-License-Identifier: ISC */
/*
 * Reading, writing and truncating files. Whole sectors go straight between the
 * caller's memory and the disk, in runs of adjacent clusters; a sector that is
 * needed in part goes through f->bounce.
 */
#include "fat_alloc.h"
#include "fat_calls.h"
#include "fat_chain.h"
#include "fat_path.h"
#include "fat_table.h"
#include "fat_transact.h"
#include <string.h>

#define MOST_BYTES 0xffffffffu /* of a file */

/* Reads a sector into f->bounce, unless it is there. */
static enum status read_bounce(struct fat *f, uint64_t sector)
{
    enum status s;

    if (f->bounce_sector == sector)
        return OK;
    f->bounce_sector = FAT_NO_SECTOR;
    s = block_read(f->block, sector, f->bounce, 1);
    if (s == OK)
        f->bounce_sector = sector;
    return s;
}

/* A transfer between adjacent sectors of a file and memory. */
struct transfer {
    uint64_t sector;
    size_t skip, len; /* bytes: before the first, and to transfer */
    uint64_t at, size; /* the place in the file; the file's size */
    uint8_t *to; /* to read */
    const uint8_t *from; /* to write; NULL: zeros */
    bool is_write;
};

static enum status transfer_partial(struct fat *f, const struct transfer *m,
                                    size_t n)
{
    enum status s = OK;

    if (m->is_write && m->at - m->skip >= m->size)
        memset(f->bounce, 0,
               f->l.sector_size); /* it holds nothing of the file */
    else
        s = read_bounce(f, m->sector);
    if (s)
        return s;
    if (!m->is_write) {
        memcpy(m->to, f->bounce + m->skip, n);
        return OK;
    }
    f->bounce_sector = FAT_NO_SECTOR;
    if (m->from)
        memcpy(f->bounce + m->skip, m->from, n);
    else
        memset(f->bounce + m->skip, 0, n);
    s = fat_write_data(f, m->sector, f->bounce, 1);
    if (s == OK)
        f->bounce_sector = m->sector;
    return s;
}

static enum status transfer_sectors(struct fat *f, const struct transfer *m,
                                    uint32_t count)
{
    if (!m->is_write)
        return block_read(f->block, m->sector, m->to, count);
    return m->from ? fat_write_data(f, m->sector, m->from, count)
                   : fat_write_zeros(f, m->sector, count);
}

static void advance(struct transfer *m, size_t n)
{
    m->at += n;
    if (m->to)
        m->to += n;
    if (m->from)
        m->from += n;
}

static enum status transfer_run(struct fat *f, struct transfer m)
{
    uint32_t size = f->l.sector_size;
    enum status s = OK;

    while (s == OK && m.len > 0) {
        size_t n = m.len - m.len % size;

        if (m.skip > 0 || n == 0) {
            n = min(size - m.skip, m.len);
            s = transfer_partial(f, &m, n);
            m.sector++;
        } else {
            s = transfer_sectors(f, &m, (uint32_t)(n / size));
            m.sector += n / size;
        }
        m.skip = 0;
        advance(&m, n);
        m.len -= n;
    }
    return s;
}

/* Transfers m.len bytes at m.at of the chain that begins with cluster first,
 * one run of adjacent clusters after the other. */
static enum status transfer_file(struct fat *f, uint32_t first,
                                 struct transfer m)
{
    uint32_t size = f->l.cluster_size;
    size_t left = m.len;
    enum status s = OK;

    while (s == OK && left > 0) {
        uint32_t c, next, n = (uint32_t)(m.at / size), inside;

        if ((s = fat_chain_nth(f, first, n, &c)) != OK)
            break;
        inside = (uint32_t)(m.at % size);
        m.sector = fat_sector_of(&f->l, c) + inside / f->l.sector_size;
        m.skip = inside % f->l.sector_size;
        m.len = size - inside;
        while (m.len < left &&
               (s = fat_chain_nth(f, first, ++n, &next)) == OK && next == ++c)
            m.len += size;
        if (m.len > left)
            m.len = left;
        if (s == OK)
            s = transfer_run(f, m);
        advance(&m, m.len);
        left -= m.len;
    }
    return s;
}

enum status fat_read(struct fs *fs, const char *path, uint64_t offset,
                     void *data, size_t len, size_t *got)
{
    struct fat *f = fat_of(fs);
    struct fat_place p;
    uint64_t size;
    enum status s = fat_lock_mounted(f, false);

    if (s)
        return s;
    s = fat_lookup_existing(f, path, &p);
    if (s == OK && fat_is_directory(p.entry.bytes))
        s = ERR_IS_DIRECTORY;
    if (s)
        return fat_unlock(f, s);
    size = fat_size(p.entry.bytes);
    if (offset >= size)
        len = 0;
    else if (len > size - offset)
        len = (size_t)(size - offset);
    s = len == 0 ? OK
                 : transfer_file(f, fat_first_cluster(f, p.entry.bytes),
                                 (struct transfer){.at = offset,
                                                   .size = size,
                                                   .len = len,
                                                   .to = data});
    if (s == OK)
        *got = len;
    return fat_unlock(f, s);
}

/* A write from `at` up to `end`: zeros before offset, then data. */
struct writing {
    struct fat_place p;
    const uint8_t *data;
    uint64_t at, offset, end;
};

static uint32_t clusters_for(const struct fat *f, uint64_t bytes)
{
    return (uint32_t)((bytes + f->l.cluster_size - 1) / f->l.cluster_size);
}

/* Counts the clusters of a file's chain, up to `wanted` or what its size needs:
 * the chain may be longer than that. *last: 0 if there is none. */
static enum status count_clusters(struct fat *f, const uint8_t *slot,
                                  uint32_t wanted, uint32_t *count,
                                  uint32_t *last)
{
    uint32_t first = fat_first_cluster(f, slot);
    uint32_t n = clusters_for(f, fat_size(slot)), next = 0;
    enum status s;

    *count = 0;
    *last = 0;
    if (first == 0)
        return n == 0 ? OK
                      : fat_corrupt("a file of %u bytes has no cluster",
                                    (unsigned)fat_size(slot));
    if (n == 0)
        n = 1;
    s = fat_chain_nth(f, first, n - 1, last);
    while (s == OK && n < wanted &&
           (s = fat_next_cluster(f, *last, &next)) == OK && next != 0) {
        *last = next;
        n++;
    }
    *count = n;
    return s;
}

/* Checks that the whole write has room. */
static enum status check_room(struct fat *f, void *ctx)
{
    struct writing *w = ctx;
    uint32_t wanted = clusters_for(f, w->end), count, last;
    enum status s;

    if (w->end > MOST_BYTES)
        return ERR_NO_SPACE;
    s = count_clusters(f, w->p.entry.bytes, wanted, &count, &last);
    if (s == OK && count < wanted)
        s = fat_count_free(f);
    return s == OK && count < wanted && wanted - count > f->alloc.free
               ? ERR_NO_SPACE
               : s;
}

/* Writes as much as FAT_ALLOC_MOST clusters hold. */
static enum status write_some(struct fat *f, void *ctx)
{
    struct writing *w = ctx;
    uint32_t size = f->l.cluster_size, wanted, count, last;
    uint64_t end = (w->at / size + FAT_ALLOC_MOST) * size;
    uint8_t slot[FAT_SLOT];
    struct transfer m = {.at = w->at, .is_write = true};
    struct fat_dir *d;
    enum status s;

    if (w->at < w->offset && end > w->offset)
        end = w->offset;
    if (end > w->end)
        end = w->end;
    memcpy(slot, w->p.entry.bytes, FAT_SLOT);
    wanted = clusters_for(f, end);
    s = count_clusters(f, slot, wanted, &count, &last);
    if (s == OK && wanted > count)
        s = fat_alloc(f, last, wanted - count);
    if (s)
        return s;
    if (last == 0)
        fat_put_first_cluster(slot, f->alloc.allocated[0]);
    m.len = (size_t)(end - w->at);
    m.size = fat_size(slot);
    m.from = w->at < w->offset ? NULL : w->data + (w->at - w->offset);
    s = transfer_file(f, fat_first_cluster(f, slot), m);
    if (s)
        return s;
    if (end > fat_size(slot))
        fat_put32(slot + DIR_FILE_SIZE, (uint32_t)end);
    slot[DIR_ATTR] |= FAT_ARCHIVE;
    fat_entry_set_time(f, slot, false);
    s = fat_dir_get(f, w->p.dir_first, &d);
    if (s == OK)
        s = fat_dir_change(f, d, w->p.entry.slot, slot);
    if (s)
        return s;
    memcpy(w->p.entry.bytes, slot, FAT_SLOT);
    w->at = end;
    return OK;
}

/* Looks up a file that may be changed. */
static enum status find_file(struct fat *f, const char *path,
                             struct fat_place *p)
{
    enum status s = fat_lookup_existing(f, path, p);

    if (s)
        return s;
    return fat_is_directory(p->entry.bytes)           ? ERR_IS_DIRECTORY
           : p->entry.bytes[DIR_ATTR] & FAT_READ_ONLY ? ERR_READ_ONLY
                                                      : OK;
}

/* Up to 4 GiB of zeros may be written: meanwhile others run, and the fiber may
 * be cancelled. */
static enum status write_all(struct fat *f, struct writing *w)
{
    enum status s = fat_transact(f, check_room, w);

    while (s == OK && w->at < w->end) {
        if (w->at < w->offset && (fiber_yield() || fiber_is_cancelled()))
            return ERR_CANCELLED;
        s = fat_transact(f, write_some, w);
    }
    return s;
}

enum status fat_write(struct fs *fs, const char *path, uint64_t offset,
                      const void *data, size_t len)
{
    struct fat *f = fat_of(fs);
    struct writing w = {.data = data, .offset = offset};
    enum status s = fat_lock_mounted(f, true);

    if (s)
        return s;
    s = find_file(f, path, &w.p);
    if (s || len == 0)
        return fat_unlock(f, s);
    w.end = offset > MOST_BYTES ? UINT64_MAX : offset + len;
    w.at = fat_size(w.p.entry.bytes) < offset ? fat_size(w.p.entry.bytes)
                                              : offset;
    return fat_unlock(f, write_all(f, &w));
}

struct truncation {
    const char *path;
    uint64_t size;
};

/* Cuts a chain after `kept` clusters. *rest: the first of the others; 0: there
 * are none. */
static enum status cut_chain(struct fat *f, uint32_t first, uint32_t kept,
                             uint32_t *rest)
{
    uint32_t last;
    enum status s = fat_chain_nth(f, first, kept - 1, &last);

    *rest = 0;
    if (s == OK)
        s = fat_next_cluster(f, last, rest);
    if (s == OK && *rest != 0)
        s = fat_cut_chain(f, last);
    return s;
}

static enum status shorten(struct fat *f, void *ctx)
{
    const struct truncation *t = ctx;
    struct fat_place p;
    uint8_t slot[FAT_SLOT];
    uint32_t first, rest;
    enum status s = fat_lookup_existing(f, t->path, &p);

    if (s)
        return s;
    memcpy(slot, p.entry.bytes, FAT_SLOT);
    first = rest = fat_first_cluster(f, slot);
    if (t->size > 0)
        s = cut_chain(f, first, clusters_for(f, t->size), &rest);
    else
        fat_put_first_cluster(slot, 0);
    fat_put32(slot + DIR_FILE_SIZE, (uint32_t)t->size);
    slot[DIR_ATTR] |= FAT_ARCHIVE;
    fat_entry_set_time(f, slot, false);
    if (s == OK)
        s = fat_reserve_free(f);
    if (s == OK)
        s = fat_dir_get(f, p.dir_first, &p.dir);
    if (s == OK)
        s = fat_dir_change(f, p.dir, p.entry.slot, slot);
    if (s)
        return s;
    fat_chain_forget(f, first);
    fat_free_later(f, rest);
    return OK;
}

enum status fat_truncate(struct fs *fs, const char *path, uint64_t size)
{
    struct fat *f = fat_of(fs);
    struct truncation t = {path, size};
    struct writing w = {.offset = size, .end = size};
    enum status s = fat_lock_mounted(f, true);

    if (s)
        return s;
    s = find_file(f, path, &w.p);
    if (s)
        return fat_unlock(f, s);
    w.at = fat_size(w.p.entry.bytes);
    if (size < w.at)
        return fat_unlock(f, fat_transact(f, shorten, &t));
    return fat_unlock(f, size == w.at ? OK : write_all(f, &w));
}
