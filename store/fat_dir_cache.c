/* SPDX-License-Identifier: ISC */
/* Directories whose names are in memory. */
#include "fat_dir_index.h"
#include <mirage/text.h>
#include <stdlib.h>

static enum status mention_entry(struct fat *f, struct fat_dir *d,
                                 uint32_t slot, bool on_disk)
{
    struct fat_entry e;
    uint32_t hash, other;
    enum status s = fat_index_room(d);

    if (s == OK)
        s = fat_entry_read(f, d, slot, on_disk, &e);
    if (s == OK && on_disk)
        s = fat_dir_gone_room(d);
    if (s)
        return s;
    hash = fat_name_hash(&e.name, f->seed);
    other = fat_hash_short(f, e.bytes);
    fat_index_add(d, hash, slot, on_disk ? FAT_INDEX_GONE : FAT_INDEX_THERE);
    if (other != hash)
        fat_index_add(d, other, slot,
                      on_disk ? FAT_INDEX_GONE : FAT_INDEX_THERE);
    if (on_disk)
        d->gone[d->gone_count++] =
            (struct fat_gone){e.first, slot, {hash, other}};
    return OK;
}

/* Names as they are; then those that are gone, but on the disk yet. */
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
            fat_slot_take(d, i);
        if (fat_is_name(now))
            s = mention_entry(f, d, i, false);
    }
    for (uint32_t i = 0; s == OK && f->changed > 0 && i < d->end; i++) {
        s = fat_slot_read(f, d, i, false, &now);
        if (s == OK && fat_is_free(now))
            s = fat_slot_read(f, d, i, true, &old);
        else
            continue;
        if (s == OK && !fat_is_free(old)) {
            fat_slot_take(d, i);
            if (fat_is_name(old))
                s = mention_entry(f, d, i, true);
        }
    }
    return s;
}

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
        if ((s = fat_dir_cluster_room(d)) != OK)
            return s;
        d->cluster[d->clusters++] = c;
        d->slots += in_one;
        if ((s = fat_next(f, c, &c)) != OK)
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
    free(d->mention);
    free(d->gone);
    free(d);
}

static enum status load(struct fat *f, uint32_t first, struct fat_dir **dir)
{
    struct fat_dir *d = calloc(1, sizeof *d);
    struct fat_piece *p;
    size_t at;
    enum status s = d ? OK : ERR_NO_MEMORY;

    if (s == OK) {
        d->first = first;
        s = read_chain(f, d);
    }
    if (s == OK)
        s = fat_index_room(d);
    if (s == OK)
        s = fat_slot_find(f, d, 0, &p, &at);
    if (s == OK) {
        d->is_apart = p->is_apart;
        s = read_names(f, d);
    }
    if (s)
        free_dir(d);
    else
        *dir = d;
    return s;
}

enum status fat_dir_of(struct fat *f, uint32_t first, struct fat_dir **dir)
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

static void let_go(struct fat_dir *d, const struct fat_gone *g)
{
    uint32_t from = g->first > FAT_MOST_RUN ? g->first - FAT_MOST_RUN : 0;

    fat_index_set(d, g->hash[0], g->slot, FAT_INDEX_LEFT);
    fat_index_set(d, g->hash[1], g->slot, FAT_INDEX_LEFT);
    for (uint32_t i = g->first; i <= g->slot; i++)
        d->taken[i / 64] &= ~((uint64_t)1 << i % 64);
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
        for (size_t g = 0; g < d->gone_count; g++)
            let_go(d, &d->gone[g]);
        d->gone_count = 0;
        d->is_apart = false;
    }
}
