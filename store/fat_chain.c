/* SPDX-License-Identifier: ISC */
/* The nth cluster of a file. */
#include "fat_table.h"

void fat_forget_trail(struct fat *f, uint32_t first)
{
    for (size_t i = 0; i < FAT_TRAILS; i++)
        if (f->trail[i].first == first)
            f->trail[i].first = 0;
}

/* The trail of a file: its own, or the one that was longest not used. */
static struct fat_trail *trail_of(struct fat *f, uint32_t first)
{
    struct fat_trail *t = &f->trail[0];

    for (size_t i = 0; i < FAT_TRAILS && t->first != first; i++)
        if (f->trail[i].first == first || f->trail[i].used < t->used)
            t = &f->trail[i];
    if (t->first != first)
        *t = (struct fat_trail){.first = first,
                                .step = 1,
                                .count = 1,
                                .cluster = {first},
                                .last_cluster = first};
    t->used = ++f->clock;
    return t;
}

/* Full: every second place will do. */
static void thin_out(struct fat_trail *t)
{
    for (uint32_t i = 0; i < FAT_TRAIL / 2; i++)
        t->cluster[i] = t->cluster[2 * i];
    t->count = FAT_TRAIL / 2;
    t->step *= 2;
}

enum status fat_nth(struct fat *f, uint32_t first, uint32_t n,
                    uint32_t *cluster)
{
    struct fat_trail *t;
    uint32_t i, c;

    if (!fat_is_cluster(&f->l, first))
        return fat_corrupt("a file begins in cluster %u, which is none",
                           (unsigned)first);
    if (n >= f->l.clusters) /* or a chain that is a loop would seem endless */
        return fat_corrupt("the file that begins in cluster %u is larger than "
                           "the disk",
                           (unsigned)first);
    t = trail_of(f, first);
    i = n / t->step < t->count ? n / t->step : t->count - 1;
    c = t->cluster[i];
    i *= t->step;
    if (t->last <= n && t->last > i) {
        i = t->last;
        c = t->last_cluster;
    }
    while (i < n) {
        uint32_t next;
        enum status s = fat_next(f, c, &next);

        if (s)
            return s;
        if (next == 0)
            return fat_corrupt("the file that begins in cluster %u has fewer "
                               "clusters than its size needs",
                               (unsigned)first);
        c = next;
        if (++i == t->count * t->step) {
            if (t->count == FAT_TRAIL)
                thin_out(t);
            if (i == t->count * t->step)
                t->cluster[t->count++] = c;
        }
    }
    t->last = n;
    t->last_cluster = *cluster = c;
    return OK;
}
