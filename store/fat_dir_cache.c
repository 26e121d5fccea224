/* SPDX-License-Identifier: ISC */
/*
 * The directories used last, with their cluster chain and the index of their
 * names. An index is made from all slots of the directory when it is first
 * used.
 */
#include "fat_dir_index.h"
#include "fat_table.h"
#include <mirage/text.h>
#include <stdlib.h>

/* Adds the name whose short entry is in this slot. on_disk: it was removed in
 * memory. */
static enum status index_entry(struct fat *f, struct fat_dir *d,
                               uint32_t slot, bool on_disk)
{
    struct fat_entry e;
    uint32_t hash, other;
    enum status s = fat_index_reserve(d);

    if (s == OK)
        s = fat_entry_read(f, d, slot, on_disk, &e);
    if (s == OK && on_disk)
        s = fat_dir_reserve_removed(d);
    if (s)
        return s;
    hash = fat_name_hash(&e.name, f->seed);
    other = fat_hash_short(f, e.bytes);
    fat_index_add(d, hash, slot,
                  on_disk ? FAT_INDEX_REMOVED : FAT_INDEX_PRESENT);
    if (other != hash)
        fat_index_add(d, other, slot,
                      on_disk ? FAT_INDEX_REMOVED : FAT_INDEX_PRESENT);
    if (on_disk)
        d->removed[d->removed_count++] =
            (struct fat_removed_name){e.first, slot, {hash, other}};
    return OK;
}

/* Adds all names; then those that were removed in memory and are on the disk.
 */
static enum status read_names(struct fat *f, struct fat_dir *d)
{
    const uint8_t *now, *old;
    enum status s = OK;
    bool is_over = false;

    d->end = d->slots;
    d->is_clean = true;
    for (uint32_t i = 0; s == OK && i < d->slots; i++) {
        if ((s = fat_slot_read(f, d, i, false, &now)) != OK)
            break;
        if (!is_over && now[0] == 0) {
            is_over = true;
            d->end = i;
        }
        if (is_over) {
            for (int k = 0; k < (int)FAT_SLOT; k++)
                d->is_clean &= now[k] == 0;
            continue;
        }
        if (!fat_is_free(now))
            fat_slot_use(d, i);
        if (fat_is_name(now))
            s = index_entry(f, d, i, false);
    }
    for (uint32_t i = 0; s == OK && f->cache.dirty_bytes > 0 && i < d->end;
         i++) {
        s = fat_slot_read(f, d, i, false, &now);
        if (s == OK && fat_is_free(now))
            s = fat_slot_read(f, d, i, true, &old);
        else
            continue;
        if (s == OK && !fat_is_free(old)) {
            fat_slot_use(d, i);
            if (fat_is_name(old))
                s = index_entry(f, d, i, true);
        }
    }
    return s;
}

/* Reads the directory's cluster chain. */
static enum status read_chain(struct fat *f, struct fat_dir *d)
{
    uint32_t in_one = f->l.cluster_size / FAT_SLOT;
    uint32_t c = d->first ? d->first : f->l.root_cluster;
    enum status s;

    if (fat_dir_is_fixed(f, d)) {
        d->slots = fat_root_slots(&f->l);
        if (d->slots > FAT_MOST_SLOTS)
            d->slots = FAT_MOST_SLOTS;
        return OK;
    }
    if (!fat_is_cluster(&f->l, c))
        return fat_corrupt("a directory begins in cluster %u, which is none",
                           (unsigned)c);
    while (c != 0) {
        if (d->slots >= FAT_MOST_SLOTS)
            return fat_corrupt("the directory that begins in cluster %u has "
                               "more than %u slots, or its chain is a loop",
                               (unsigned)d->cluster[0], FAT_MOST_SLOTS);
        if ((s = fat_dir_reserve_cluster(d)) != OK)
            return s;
        d->cluster[d->clusters++] = c;
        d->slots += in_one;
        if ((s = fat_next_cluster(f, c, &c)) != OK)
            return s;
    }
    if (d->slots > FAT_MOST_SLOTS)
        d->slots = FAT_MOST_SLOTS;
    return OK;
}

static void free_dir(struct fat_dir *d)
{
    if (!d)
        return;
    free(d->cluster);
    free(d->index);
    free(d->removed);
    free(d);
}

static enum status load(struct fat *f, uint32_t first, struct fat_dir **dir)
{
    struct fat_dir *d = calloc(1, sizeof *d);
    struct fat_buffer *p;
    size_t at;
    enum status s = d ? OK : ERR_NO_MEMORY;

    if (s == OK) {
        d->first = first;
        s = read_chain(f, d);
    }
    if (s == OK)
        s = fat_index_reserve(d);
    if (s == OK)
        s = fat_slot_find(f, d, 0, &p, &at);
    if (s == OK) {
        d->is_unlinked = p->is_unlinked;
        s = read_names(f, d);
    }
    if (s)
        free_dir(d);
    else
        *dir = d;
    return s;
}

enum status fat_dir_get(struct fat *f, uint32_t first, struct fat_dir **dir)
{
    size_t oldest = 0;
    enum status s = OK;

    for (size_t i = 0; i < FAT_DIRS; i++) {
        if (f->dir[i] && f->dir[i]->first == first) {
            f->dir[i]->used = ++f->clock;
            *dir = f->dir[i];
            return OK;
        }
        if (f->dir[oldest] &&
            (!f->dir[i] || f->dir[i]->used < f->dir[oldest]->used))
            oldest = i;
    }
    s = load(f, first, dir);
    if (s)
        return s;
    free_dir(f->dir[oldest]);
    f->dir[oldest] = *dir;
    (*dir)->used = ++f->clock;
    return OK;
}

void fat_dir_forget(struct fat *f, uint32_t first)
{
    for (size_t i = 0; i < FAT_DIRS; i++)
        if (f->dir[i] && f->dir[i]->first == first) {
            free_dir(f->dir[i]);
            f->dir[i] = NULL;
        }
}

void fat_dirs_forget(struct fat *f)
{
    for (size_t i = 0; i < FAT_DIRS; i++) {
        free_dir(f->dir[i]);
        f->dir[i] = NULL;
    }
}

/* Makes the slots of a removed name available. */
static void forget_removed(struct fat_dir *d, const struct fat_removed_name *g)
{
    uint32_t from = g->first > FAT_MOST_RUN ? g->first - FAT_MOST_RUN : 0;

    fat_index_set(d, g->hash[0], g->slot, FAT_INDEX_DELETED);
    fat_index_set(d, g->hash[1], g->slot, FAT_INDEX_DELETED);
    for (uint32_t i = g->first; i <= g->slot; i++)
        d->in_use[i / 64] &= ~((uint64_t)1 << i % 64);
    for (size_t n = 0; n <= FAT_MOST_RUN; n++)
        if (d->from[n] > from)
            d->from[n] = from;
}

void fat_dirs_committed(struct fat *f)
{
    for (size_t i = 0; i < FAT_DIRS; i++) {
        struct fat_dir *d = f->dir[i];

        if (!d)
            continue;
        for (size_t g = 0; g < d->removed_count; g++)
            forget_removed(d, &d->removed[g]);
        d->removed_count = 0;
        d->is_unlinked = false;
    }
}
