/* SPDX-License-Identifier: ISC */
#include "fat_chain.h"
#include "fat_table.h"

void fat_chain_forget(struct fat *f, uint32_t first)
{
    for (size_t i = 0; i < FAT_CHAINS; i++)
        if (f->chain[i].first == first)
            f->chain[i].first = 0;
}

/* Gets the index of a chain; if there is none, that used least recently is
 * emptied. */
static struct fat_chain *chain_of(struct fat *f, uint32_t first)
{
    struct fat_chain *t = &f->chain[0];

    for (size_t i = 0; i < FAT_CHAINS && t->first != first; i++)
        if (f->chain[i].first == first || f->chain[i].used < t->used)
            t = &f->chain[i];
    if (t->first != first)
        *t = (struct fat_chain){.first = first,
                                .step = 1,
                                .count = 1,
                                .cluster = {first},
                                .last_cluster = first};
    t->used = ++f->clock;
    return t;
}

/* Keeps every second cluster, when the index is full. */
static void thin_out(struct fat_chain *t)
{
    for (uint32_t i = 0; i < FAT_CHAIN_POINTS / 2; i++)
        t->cluster[i] = t->cluster[2 * i];
    t->count = FAT_CHAIN_POINTS / 2;
    t->step *= 2;
}

enum status fat_chain_nth(struct fat *f, uint32_t first, uint32_t n,
                          uint32_t *cluster)
{
    struct fat_chain *t;
    uint32_t i, c;

    if (!fat_is_cluster(&f->l, first))
        return fat_corrupt("a file begins in cluster %u, which is none",
                           (unsigned)first);
    if (n >= f->l.clusters) /* a chain that is a loop has no end */
        return fat_corrupt("the file that begins in cluster %u is larger than "
                           "the disk",
                           (unsigned)first);
    t = chain_of(f, first);
    i = n / t->step < t->count ? n / t->step : t->count - 1;
    c = t->cluster[i];
    i *= t->step;
    if (t->last <= n && t->last > i) {
        i = t->last;
        c = t->last_cluster;
    }
    while (i < n) {
        uint32_t next;
        enum status s = fat_next_cluster(f, c, &next);

        if (s)
            return s;
        if (next == 0)
            return fat_corrupt("the file that begins in cluster %u has fewer "
                               "clusters than its size needs",
                               (unsigned)first);
        c = next;
        if (++i == t->count * t->step) {
            if (t->count == FAT_CHAIN_POINTS)
                thin_out(t);
            if (i == t->count * t->step)
                t->cluster[t->count++] = c;
        }
    }
    t->last = n;
    t->last_cluster = *cluster = c;
    return OK;
}
