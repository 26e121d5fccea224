/* SPDX-License-Identifier: ISC */
/*
 * The free clusters are found by reading the whole FAT before the first
 * allocation, and kept as a bit for each cluster from then on.
 */
#include "fat_alloc.h"
#include "fat_chain.h"
#include "fat_table.h"
#include <mirage/panic.h>
#include <stdlib.h>

/* The number of words in a set of clusters. */
static size_t words_of(const struct fat *f)
{
    return ((size_t)f->l.clusters + 63) / 64;
}

/* The number of clusters that a commit in progress frees. */
static uint32_t count_freeing(const struct fat *f)
{
    uint32_t count = 0;

    for (size_t i = 0; f->alloc.is_freeing && i < words_of(f); i++)
        for (uint64_t w = f->alloc.freeing[i] & f->alloc.used[i]; w != 0;
             w &= w - 1)
            count++;
    return count;
}

static bool is_used(const struct fat *f, uint32_t i)
{
    return f->alloc.used[i / 64] >> i % 64 & 1;
}

static enum status read_table(struct fat *f)
{
    uint32_t cluster = FAT_FIRST, first, entries;
    struct fat_buffer *p;
    enum status s;

    f->alloc.free = 0;
    while (cluster - FAT_FIRST < f->l.clusters) {
        if (fiber_is_cancelled())
            return ERR_CANCELLED; /* a FAT may have 1 GiB */
        if ((s = fat_table_find(f, cluster, &p, &first)) != OK)
            return s;
        entries = fat_table_entries(f, p);
        for (uint32_t i = first;
             i < entries && cluster - FAT_FIRST < f->l.clusters;
             i++, cluster++)
            if (fat_table_entry(f, p->now, i) != 0)
                f->alloc.used[(cluster - FAT_FIRST) / 64] |=
                    (uint64_t)1 << (cluster - FAT_FIRST) % 64;
            else
                f->alloc.free++;
    }
    return OK;
}

enum status fat_count_free(struct fat *f)
{
    size_t words = words_of(f);
    enum status s;

    if (f->alloc.used)
        return OK;
    f->alloc.used = calloc(2 * words, sizeof *f->alloc.used);
    if (!f->alloc.used)
        return ERR_NO_MEMORY;
    f->alloc.freeing = f->alloc.used + words;
    f->alloc.hint = 0;
    s = read_table(f);
    if (s) {
        free(f->alloc.used);
        f->alloc.used = f->alloc.freeing = NULL;
    }
    return s;
}

/* Finds the next free cluster at or after i, or else from the start. The caller
 * knows that there is one. */
static uint32_t find_free(const struct fat *f, uint32_t i)
{
    if (i >= f->l.clusters)
        i = 0;
    while (is_used(f, i)) {
        uint64_t rest = ~f->alloc.used[i / 64] >> i % 64;

        i = rest ? i + (uint32_t)__builtin_ctzll(rest) : (i / 64 + 1) * 64;
        if (i >= f->l.clusters)
            i = 0;
    }
    return i;
}

/* Whether the cluster ends its chain in memory, and does not on the disk. */
static enum status is_pending_cut(struct fat *f, uint32_t cluster, bool *is)
{
    struct fat_buffer *p;
    uint32_t i;
    enum status s = fat_table_find(f, cluster, &p, &i);

    if (s == OK)
        *is = p->old && fat_is_cut(f, fat_table_entry(f, p->old, i),
                                   fat_table_entry(f, p->now, i));
    return s;
}

enum status fat_alloc(struct fat *f, uint32_t after, uint32_t count)
{
    uint32_t first = (uint32_t)f->alloc.allocated_count, i = f->alloc.hint;
    bool is_cut_pending = false;
    enum status s = fat_count_free(f);

    /* Step 3 would write the new link in place of the old one before step 6
     * writes the file's new size: the file would be a mixture of both. */
    if (s == OK && after != 0)
        s = is_pending_cut(f, after, &is_cut_pending);
    if (s == OK && is_cut_pending)
        s = ERR_IN_USE;
    if (s)
        return s;
    if (f->alloc.free < count)
        return ERR_NO_SPACE;
    require(first + count <=
            sizeof f->alloc.allocated / sizeof *f->alloc.allocated);
    if (after != 0)
        i = after - FAT_FIRST + 1;
    while (f->alloc.allocated_count < first + count) {
        i = find_free(f, i);
        f->alloc.used[i / 64] |= (uint64_t)1 << i % 64;
        f->alloc.free--;
        f->alloc.allocated[f->alloc.allocated_count++] = i + FAT_FIRST;
    }
    f->alloc.hint = i + 1;
    for (uint32_t n = first; s == OK && n < first + count; n++)
        s = fat_table_set(f, f->alloc.allocated[n],
                          n + 1 < first + count ? f->alloc.allocated[n + 1]
                                                : fat_eoc(f));
    if (s == OK && after != 0 && count > 0)
        s = fat_table_set(f, after, f->alloc.allocated[first]);
    return s;
}

enum status fat_reserve_free(struct fat *f)
{
    size_t room = f->alloc.to_free_room ? 2 * f->alloc.to_free_room : 64;
    uint32_t *more;

    if (f->alloc.to_free_count < f->alloc.to_free_room)
        return OK;
    more = realloc(f->alloc.to_free, room * sizeof *more);
    if (!more)
        return ERR_NO_MEMORY;
    f->alloc.to_free = more;
    f->alloc.to_free_room = room;
    return OK;
}

void fat_free_later(struct fat *f, uint32_t first)
{
    if (first == 0)
        return;
    require(f->alloc.to_free_count < f->alloc.to_free_room);
    f->alloc.to_free[f->alloc.to_free_count++] = first;
    fat_chain_forget(f, first);
}

/* Frees a chain, up to where it is damaged: the rest is left to fsck.fat. */
static enum status free_chain(struct fat *f, uint32_t *chain)
{
    uint32_t next;
    enum status s;

    while (fat_is_cluster(&f->l, *chain)) {
        uint32_t i = *chain - FAT_FIRST;

        if ((s = fat_table_get(f, *chain, &next)) != OK)
            return s;
        if (next == 0)
            break;
        if ((s = fat_table_set(f, *chain, 0)) != OK)
            return s;
        fat_keep_changes(f);
        f->alloc.freeing[i / 64] |= (uint64_t)1 << i % 64;
        *chain = next;
    }
    *chain = 0;
    return OK;
}

enum status fat_free_chains(struct fat *f)
{
    enum status s = f->alloc.to_free_count ? fat_count_free(f) : OK;

    for (size_t i = 0; s == OK && i < f->alloc.to_free_count; i++) {
        f->alloc.is_freeing = true;
        s = free_chain(f, &f->alloc.to_free[i]);
    }
    return s;
}

void fat_chains_freed(struct fat *f)
{
    f->alloc.to_free_count = 0;
    if (!f->alloc.is_freeing)
        return;
    f->alloc.free += count_freeing(f);
    for (size_t i = 0; i < words_of(f); i++) {
        f->alloc.used[i] &= ~f->alloc.freeing[i];
        f->alloc.freeing[i] = 0;
    }
    f->alloc.is_freeing = false;
}

enum status fat_write_info(struct fat *f)
{
    uint8_t *b;
    enum status s;

    if (f->l.info == 0 || !f->alloc.used)
        return OK;
    b = malloc(f->l.sector_size);
    s = b ? block_read(f->block, f->l.info, b, 1) : ERR_NO_MEMORY;
    if (s == OK && fat_get32(b + FSI_LEAD_SIG) == FSI_LEAD &&
        fat_get32(b + FSI_STRUC_SIG) == FSI_STRUC) {
        fat_put32(b + FSI_FREE_COUNT, f->alloc.free + count_freeing(f));
        fat_put32(b + FSI_NXT_FREE, f->alloc.hint < f->l.clusters
                                        ? f->alloc.hint + FAT_FIRST
                                        : FAT_FIRST);
        s = fat_write_data(f, f->l.info, b, 1);
    }
    free(b);
    return s;
}
