/* SPDX-License-Identifier: ISC */
/* Adding, changing and removing the entries of a directory. */
#include "fat_alloc.h"
#include "fat_dir_index.h"
#include <string.h>

static bool is_short_used(const struct fat *f, const struct fat_dir *d,
                          const uint8_t *slot)
{
    uint32_t hash = fat_hash_short(f, slot);

    return fat_index_has(d, hash, FAT_INDEX_PRESENT) ||
           fat_index_has(d, hash, FAT_INDEX_REMOVED);
}

/* Chooses a short name, in slot, that the directory does not have. *entries:
 * the long name entries that the name needs; 0: the short name says all. */
static enum status choose_short(const struct fat *f, const struct fat_dir *d,
                                const struct fat_name *name, uint8_t *slot,
                                size_t *entries)
{
    uint8_t basis[FAT_SHORT_BYTES];
    enum fat_fit fit = fat_short_make(name, basis);

    memcpy(slot, basis, FAT_SHORT_BYTES);
    slot[DIR_NT_RES] = 0;
    *entries = fat_long_entries(name);
    if (fit != FAT_IS_LOSSY && !is_short_used(f, d, slot)) {
        if (fit == FAT_FITS)
            *entries = 0;
        return OK;
    }
    for (uint32_t n = 1; n < FAT_MOST_SLOTS; n++) {
        fat_short_make_numbered(name, basis, n, slot);
        if (!is_short_used(f, d, slot))
            return OK;
    }
    return ERR_NO_SPACE;
}

/* Finds the first of `need` free slots in a row; the last ones may be beyond
 * the directory's clusters. */
static uint32_t find_run(const struct fat_dir *d, uint32_t need)
{
    uint32_t run = d->from[need], i = run;

    while (i < d->slots && i - run < need) {
        if (i >= d->end)
            break;
        if (fat_slot_is_used(d, i))
            run = i + 1;
        i++;
    }
    return run;
}

/* Appends a cluster of zeros. */
static enum status lengthen(struct fat *f, struct fat_dir *d)
{
    uint32_t c, in_one = f->l.cluster_size / FAT_SLOT;
    enum status s;

    if (fat_dir_is_fixed(f, d) || d->slots + in_one > FAT_MOST_SLOTS) {
        f->full = fat_dir_is_fixed(f, d) ? FAT_ROOT_FULL : FAT_DIRECTORY_FULL;
        return ERR_NO_SPACE;
    }
    s = fat_dir_reserve_cluster(d);
    if (s == OK)
        s = fat_alloc(f, d->cluster[d->clusters - 1], 1);
    if (s)
        return s;
    c = f->alloc.allocated[f->alloc.allocated_count - 1];
    fat_buffers_drop(f, fat_sector_of(&f->l, c), f->l.cluster);
    s = fat_write_zeros(f, fat_sector_of(&f->l, c), f->l.cluster);
    if (s)
        return s;
    d->cluster[d->clusters++] = c;
    d->slots += in_one;
    return OK;
}

/*
 * Entries after the directory's end (DIR_NAME[0] is 0) are not valid, but would
 * become so when the end moves. No other system reads them either, so zeros may
 * be written over them at any time, without a commit.
 */
enum status fat_dir_clean(struct fat *f, struct fat_dir *d)
{
    enum status s = OK;

    if (d->is_clean)
        return OK;
    if (fat_has_changes(f))
        return ERR_IN_USE;
    for (uint32_t i = d->end; s == OK && i < d->slots; i++) {
        struct fat_buffer *p;
        size_t at, sector;

        if ((s = fat_slot_find(f, d, i, &p, &at)) != OK)
            break;
        memset(p->now + at, 0, FAT_SLOT);
        sector = at / f->l.sector_size;
        if (i + 1 == d->slots || (at + FAT_SLOT) % f->l.sector_size == 0)
            s = fat_write_data(f, p->sector + sector,
                               p->now + sector * f->l.sector_size, 1);
    }
    d->is_clean = s == OK;
    return s;
}

enum status fat_dir_add(struct fat *f, struct fat_dir *d,
                        const struct fat_name *name,
                        const uint8_t bytes[FAT_SLOT])
{
    uint8_t slot[FAT_SLOT], part[FAT_SLOT];
    uint32_t run, hash = fat_name_hash(name, f->seed), other;
    size_t n;
    enum status s = OK;

    if (fat_index_has(d, hash, FAT_INDEX_REMOVED))
        return ERR_IN_USE;
    memcpy(slot, bytes, FAT_SLOT);
    if ((s = choose_short(f, d, name, slot, &n)) != OK ||
        (s = fat_index_reserve(d)) != OK || (s = fat_dir_clean(f, d)) != OK)
        return s;
    run = find_run(d, (uint32_t)n + 1);
    while (s == OK && run + n + 1 > d->slots)
        s = lengthen(f, d);
    for (uint32_t i = 0; s == OK && i < n; i++) {
        fat_long_put(name, n - i, fat_short_checksum(slot), part);
        s = fat_slot_write(f, d, run + i, part, FAT_SLOT);
    }
    if (s == OK)
        s = fat_slot_write(f, d, run + (uint32_t)n, slot, FAT_SLOT);
    if (s)
        return s;
    for (uint32_t i = run; i <= run + n; i++)
        fat_slot_use(d, i);
    d->from[n + 1] = run + (uint32_t)n + 1;
    if (run + n + 1 > d->end)
        d->end = run + (uint32_t)n + 1;
    other = fat_hash_short(f, slot);
    fat_index_add(d, hash, run + (uint32_t)n, FAT_INDEX_PRESENT);
    if (other != hash)
        fat_index_add(d, other, run + (uint32_t)n, FAT_INDEX_PRESENT);
    return OK;
}

enum status fat_dir_change(struct fat *f, struct fat_dir *d, uint32_t slot,
                           const uint8_t bytes[FAT_SLOT])
{
    return fat_slot_write(f, d, slot, bytes, FAT_SLOT);
}

enum status fat_dir_remove(struct fat *f, struct fat_dir *d,
                           const struct fat_entry *entry)
{
    static const uint8_t mark = FAT_IS_FREE;
    struct fat_removed_name g = {entry->first, entry->slot, {0}};
    enum status s = fat_dir_reserve_removed(d);

    for (uint32_t i = entry->first; s == OK && i <= entry->slot; i++)
        s = fat_slot_write(f, d, i, &mark, 1);
    if (s)
        return s;
    g.hash[0] = fat_name_hash(&entry->name, f->seed);
    g.hash[1] = fat_hash_short(f, entry->bytes);
    fat_index_set(d, g.hash[0], entry->slot, FAT_INDEX_REMOVED);
    fat_index_set(d, g.hash[1], entry->slot, FAT_INDEX_REMOVED);
    d->removed[d->removed_count++] = g;
    return OK;
}

void fat_dirs_remove_early(struct fat *f, uint32_t first)
{
    for (struct fat_buffer *p = f->cache.newest; p && first != 0; p = p->older)
        for (size_t at = 0; p->old && p->kind == FAT_DIRECTORY &&
                            at < fat_buffer_size(f, p);
             at += FAT_SLOT)
            if (fat_is_short(p->old + at) && fat_is_free(p->now + at) &&
                fat_first_cluster(f, p->old + at) == first)
                p->removed_early[at / FAT_SLOT / 64] |= (uint64_t)1
                                                        << at / FAT_SLOT % 64;
}

enum status fat_dir_is_on_disk(struct fat *f, struct fat_dir *d, uint32_t slot,
                               bool *is_on_disk)
{
    const uint8_t *old;
    enum status s = fat_slot_read(f, d, slot, true, &old);

    if (s == OK)
        *is_on_disk = !d->is_unlinked && fat_is_short(old);
    return s;
}

enum status fat_dir_make(struct fat *f, uint32_t parent,
                         const uint8_t bytes[FAT_SLOT], uint32_t *first)
{
    uint32_t c;
    uint8_t slot[FAT_SLOT];
    struct fat_buffer *p;
    enum status s = fat_alloc(f, 0, 1);

    if (s)
        return s;
    c = f->alloc.allocated[f->alloc.allocated_count - 1];
    fat_buffers_drop(f, fat_sector_of(&f->l, c), f->l.cluster);
    s = fat_write_zeros(f, fat_sector_of(&f->l, c), f->l.cluster);
    if (s == OK)
        s = fat_buffer_get(f, fat_sector_of(&f->l, c),
                           fat_dir_buffer_sectors(&f->l), FAT_DIRECTORY, &p);
    if (s)
        return s;
    memcpy(slot, bytes, FAT_SLOT);
    memcpy(slot, ".          ", FAT_SHORT_BYTES);
    fat_put_first_cluster(slot, c);
    s = fat_buffer_change(f, p, 0, slot, FAT_SLOT);
    slot[1] = '.';
    fat_put_first_cluster(slot, parent);
    if (s == OK)
        s = fat_buffer_change(f, p, FAT_SLOT, slot, FAT_SLOT);
    p->is_unlinked = true;
    *first = c;
    return s;
}

enum status fat_dir_set_parent(struct fat *f, struct fat_dir *d,
                               uint32_t parent)
{
    uint8_t slot[FAT_SLOT];
    const uint8_t *is;
    enum status s = fat_slot_read(f, d, 1, false, &is);

    if (s)
        return s;
    if (memcmp(is, "..         ", FAT_SHORT_BYTES) != 0)
        return fat_corrupt("the directory in cluster %u has no \"..\"",
                           (unsigned)d->first);
    memcpy(slot, is, FAT_SLOT);
    fat_put_first_cluster(slot, parent);
    return fat_slot_write(f, d, 1, slot, FAT_SLOT);
}
