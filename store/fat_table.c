/* SPDX-License-Identifier: ISC */
/*
 * The table of clusters: which comes after which, and which are free.
 */
#include "fat_store.h"
#include <mirage/panic.h>
#include <stdlib.h>
#include <string.h>

/* The byte of the boot sector with the "in use" bit. */
#define IN_USE   37 /* FAT12, FAT16 */
#define IN_USE32 65

/* FAT12's entry 0 while the first copy is written (write_torn). */
#define TORN_MARK 0u

#define PIECE 4096u /* bytes; FAT12: 3 sectors, so that no entry lies in two */

uint32_t fat_table_piece(const struct fat_layout *l)
{
    return l->type == FAT12         ? 3
           : l->sector_size < PIECE ? PIECE / l->sector_size
                                    : 1;
}

static uint32_t last_mark(const struct fat *f)
{
    return f->l.type == FAT12   ? 0xfff
           : f->l.type == FAT16 ? 0xffff
                                : 0x0fffffff;
}

/* The piece with a cluster's entry, and the entry's number in it. */
static enum status find(struct fat *f, uint32_t cluster,
                        struct fat_piece **piece, uint32_t *i)
{
    uint32_t size = fat_table_piece(&f->l);
    uint32_t in_one = size * f->l.sector_size / f->l.type * 8;
    uint32_t at;

    if (f->l.type == FAT12)
        in_one = 2 * f->l.sector_size;
    at = cluster / in_one * size;
    *i = cluster % in_one;
    if (f->l.table_size - at < size)
        size = (uint32_t)(f->l.table_size - at);
    return fat_get(f, f->l.table + at, size, FAT_TABLE, piece);
}

static uint32_t entry_at(const struct fat *f, const uint8_t *table, uint32_t i)
{
    if (f->l.type == FAT12)
        return fat_get16(table + i * 3 / 2) >> (i % 2 ? 4 : 0) & 0xfff;
    return f->l.type == FAT16 ? fat_get16(table + i * 2)
                              : fat_get32(table + i * 4) & 0x0fffffff;
}

/* FAT32's upper four bits are not ours. Returns where, and how many bytes. */
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

enum status fat_entry(struct fat *f, uint32_t cluster, uint32_t *value)
{
    struct fat_piece *p;
    uint32_t i;
    enum status s = find(f, cluster, &p, &i);

    if (s == OK)
        *value = entry_at(f, p->now, i);
    return s;
}

enum status fat_set_entry(struct fat *f, uint32_t cluster, uint32_t value)
{
    struct fat_piece *p;
    uint32_t i;
    uint8_t bytes[4];
    size_t at, len;
    enum status s = find(f, cluster, &p, &i);

    if (s)
        return s;
    len = put_entry(f, p->now, i, value, bytes, &at);
    return fat_change(f, p, at, bytes, len);
}

static bool is_last(const struct fat *f, uint32_t value)
{
    return value >= (last_mark(f) & ~7u);
}

enum status fat_next(struct fat *f, uint32_t cluster, uint32_t *next)
{
    uint32_t v;
    enum status s = fat_entry(f, cluster, &v);

    if (s)
        return s;
    if (is_last(f, v)) {
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
    return value == (last_mark(f) & ~8u);
}

static uint32_t entries_of(const struct fat *f, const struct fat_piece *p)
{
    return (uint32_t)((uint64_t)p->count * f->l.sector_size * 8 / f->l.type);
}

/* Does the entry end a chain that went on? Only fs_truncate does that. */
static bool is_cut(const struct fat *f, uint32_t old, uint32_t now)
{
    return old != 0 && !is_last(f, old) && is_last(f, now);
}

void fat_table_step(const struct fat *f, const struct fat_piece *p, int step,
                    uint8_t *to)
{
    memcpy(to, p->old, (size_t)p->count * f->l.sector_size);
    for (uint32_t i = 0; i < entries_of(f, p); i++) {
        uint32_t old = entry_at(f, p->old, i), now = entry_at(f, p->now, i);
        uint8_t bytes[4];
        size_t at, len;

        if (old == now || now == 0 || (step < FAT_STEP_LINKS && old != 0) ||
            (step < FAT_STEP_CUTS && is_cut(f, old, now)))
            continue;
        len = put_entry(f, to, i, now, bytes, &at);
        memcpy(to + at, bytes, len);
    }
}

bool fat_is_torn(const struct fat *f, const struct fat_piece *p, int step)
{
    uint32_t size = f->l.sector_size;

    for (uint32_t i = 0; i < entries_of(f, p); i++) {
        uint32_t old = entry_at(f, p->old, i), now = entry_at(f, p->now, i);

        if (step < FAT_STEP_CUTS && is_cut(f, old, now))
            continue;
        if (i * 3 / 2 % size == size - 1 && old != now && old != 0 && now != 0)
            return true;
    }
    return false;
}

/* Words of a bit for each cluster. */
static size_t words_of(const struct fat *f)
{
    return ((size_t)f->l.clusters + 63) / 64;
}

/* How many clusters a commit that is under way makes free. */
static uint32_t count_freeing(const struct fat *f)
{
    uint32_t count = 0;

    for (size_t i = 0; f->is_freeing && i < words_of(f); i++)
        for (uint64_t w = f->freeing[i] & f->used[i]; w != 0; w &= w - 1)
            count++;
    return count;
}

static bool is_used(const struct fat *f, uint32_t i)
{
    return f->used[i / 64] >> i % 64 & 1;
}

static enum status read_table(struct fat *f)
{
    uint32_t cluster = FAT_FIRST, first;
    struct fat_piece *p;
    enum status s;

    f->free = 0;
    while (cluster - FAT_FIRST < f->l.clusters) {
        if (fiber_is_cancelled())
            return ERR_CANCELLED; /* a large disk's table is 1 GiB */
        if ((s = find(f, cluster, &p, &first)) != OK)
            return s;
        for (uint32_t i = first; i < entries_of(f, p) &&
                                 cluster - FAT_FIRST < f->l.clusters;
             i++, cluster++)
            if (entry_at(f, p->now, i) != 0)
                f->used[(cluster - FAT_FIRST) / 64] |=
                    (uint64_t)1 << (cluster - FAT_FIRST) % 64;
            else
                f->free++;
    }
    return OK;
}

enum status fat_count_free(struct fat *f)
{
    size_t words = words_of(f);
    enum status s;

    if (f->used)
        return OK;
    f->used = calloc(2 * words, sizeof *f->used);
    if (!f->used)
        return ERR_NO_MEMORY;
    f->freeing = f->used + words;
    f->hint = 0;
    s = read_table(f);
    if (s) {
        free(f->used);
        f->used = f->freeing = NULL;
    }
    return s;
}

/* The next free cluster from i on, and round; there is one. */
static uint32_t find_free(const struct fat *f, uint32_t i)
{
    if (i >= f->l.clusters)
        i = 0;
    while (is_used(f, i)) {
        uint64_t rest = ~f->used[i / 64] >> i % 64;

        i = rest ? i + (uint32_t)__builtin_ctzll(rest) : (i / 64 + 1) * 64;
        if (i >= f->l.clusters)
            i = 0;
    }
    return i;
}

/* Is the cluster the last of its chain in memory, and not on the disk? */
static enum status is_pending_cut(struct fat *f, uint32_t cluster, bool *is)
{
    struct fat_piece *p;
    uint32_t i;
    enum status s = find(f, cluster, &p, &i);

    if (s == OK)
        *is = p->old && is_cut(f, entry_at(f, p->old, i),
                               entry_at(f, p->now, i));
    return s;
}

enum status fat_take(struct fat *f, uint32_t after, uint32_t count)
{
    uint32_t first = (uint32_t)f->taken_count, i = f->hint;
    bool is_cut_short = false;
    enum status s = fat_count_free(f);

    /* A link in place of another could be on the disk before the file's size
     * is: a mixture of both files. */
    if (s == OK && after != 0)
        s = is_pending_cut(f, after, &is_cut_short);
    if (s == OK && is_cut_short)
        s = ERR_IN_USE;
    if (s)
        return s;
    if (f->free < count)
        return ERR_NO_SPACE;
    require(first + count <= sizeof f->taken / sizeof *f->taken);
    if (after != 0)
        i = after - FAT_FIRST + 1;
    while (f->taken_count < first + count) {
        i = find_free(f, i);
        f->used[i / 64] |= (uint64_t)1 << i % 64;
        f->free--;
        f->taken[f->taken_count++] = i + FAT_FIRST;
    }
    f->hint = i + 1;
    for (uint32_t n = first; s == OK && n < first + count; n++)
        s = fat_set_entry(f, f->taken[n],
                          n + 1 < first + count ? f->taken[n + 1]
                                                : last_mark(f));
    if (s == OK && after != 0 && count > 0)
        s = fat_set_entry(f, after, f->taken[first]);
    return s;
}

enum status fat_end_chain(struct fat *f, uint32_t cluster)
{
    return fat_set_entry(f, cluster, last_mark(f));
}

enum status fat_doom_room(struct fat *f)
{
    size_t room = f->doomed_room ? 2 * f->doomed_room : 64;
    uint32_t *more;

    if (f->doomed_count < f->doomed_room)
        return OK;
    more = realloc(f->doomed, room * sizeof *more);
    if (!more)
        return ERR_NO_MEMORY;
    f->doomed = more;
    f->doomed_room = room;
    return OK;
}

void fat_doom(struct fat *f, uint32_t first)
{
    if (first == 0)
        return;
    require(f->doomed_count < f->doomed_room);
    f->doomed[f->doomed_count++] = first;
    fat_forget_trail(f, first);
}

/* A chain ends where it makes no sense; what is wrong there is fsck's. */
static enum status free_chain(struct fat *f, uint32_t *chain)
{
    uint32_t next;
    enum status s;

    while (fat_is_cluster(&f->l, *chain)) {
        uint32_t i = *chain - FAT_FIRST;

        if ((s = fat_entry(f, *chain, &next)) != OK)
            return s;
        if (next == 0)
            break;
        if ((s = fat_set_entry(f, *chain, 0)) != OK)
            return s;
        fat_done(f);
        f->freeing[i / 64] |= (uint64_t)1 << i % 64;
        *chain = next;
    }
    *chain = 0;
    return OK;
}

enum status fat_free_doomed(struct fat *f)
{
    enum status s = f->doomed_count ? fat_count_free(f) : OK;

    for (size_t i = 0; s == OK && i < f->doomed_count; i++) {
        f->is_freeing = true;
        s = free_chain(f, &f->doomed[i]);
    }
    return s;
}

void fat_freed(struct fat *f)
{
    f->doomed_count = 0;
    if (!f->is_freeing)
        return;
    f->free += count_freeing(f);
    for (size_t i = 0; i < words_of(f); i++) {
        f->used[i] &= ~f->freeing[i];
        f->freeing[i] = 0;
    }
    f->is_freeing = false;
}

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

/* Of the table's second entry. */
static uint32_t clean_bit(const struct fat *f)
{
    return f->l.type == FAT32 ? 0x08000000 : 0x8000;
}

enum status fat_mark_table(struct fat *f, bool in_use)
{
    uint32_t bit = clean_bit(f), v;
    enum status s;

    if (f->l.type == FAT12)
        return OK;
    s = fat_entry(f, 1, &v);
    return s ? s : fat_set_entry(f, 1, in_use ? v & ~bit : v | bit);
}

/* FAT32's boot sector has a copy, which should not differ at any moment. */
enum status fat_mark_boot(struct fat *f, bool in_use)
{
    uint8_t *boot;
    enum status s;

    if (f->l.type == FAT32)
        return OK;
    boot = malloc(f->l.sector_size);
    s = boot ? block_read(f->block, 0, boot, 1) : ERR_NO_MEMORY;
    if (s == OK) {
        boot[IN_USE] = (uint8_t)((boot[IN_USE] & ~1) | in_use);
        s = fat_write_data(f, 0, boot, 1);
    }
    free(boot);
    return s;
}

enum status fat_is_in_use(struct fat *f, bool *in_use)
{
    uint8_t *boot = malloc(f->l.sector_size);
    enum status s = boot ? block_read(f->block, 0, boot, 1) : ERR_NO_MEMORY;
    uint32_t v = UINT32_MAX;

    if (s == OK && f->l.type != FAT12)
        s = fat_entry(f, 1, &v);
    if (s == OK)
        *in_use = boot[f->l.type == FAT32 ? IN_USE32 : IN_USE] & 1 ||
                  !(v & clean_bit(f));
    free(boot);
    return s;
}

enum status fat_write_info(struct fat *f)
{
    uint8_t *b;
    enum status s;

    if (f->l.info == 0 || !f->used)
        return OK;
    b = malloc(f->l.sector_size);
    s = b ? block_read(f->block, f->l.info, b, 1) : ERR_NO_MEMORY;
    if (s == OK && fat_get32(b) == 0x41615252 &&
        fat_get32(b + 484) == 0x61417272) {
        fat_put32(b + FAT_INFO_FREE, f->free + count_freeing(f));
        fat_put32(b + FAT_INFO_NEXT, f->hint < f->l.clusters
                                         ? f->hint + FAT_FIRST
                                         : FAT_FIRST);
        s = fat_write_data(f, f->l.info, b, 1);
    }
    free(b);
    return s;
}

/* Entry 0: the media byte, which the boot sector has too, below ones. */
static bool is_media(const struct fat *f, uint32_t value)
{
    uint32_t media = value & 0xff;

    return (media == 0xf0 || media >= 0xf8) && (value | 0xff) == last_mark(f);
}

/* FAT12: the sectors of both copies that hold entries. Yours, to free. */
static enum status read_copies(struct fat *f, uint8_t **copies)
{
    size_t len = (size_t)f->l.table_used * f->l.sector_size;
    uint8_t *b = malloc(2 * len);
    enum status s = b ? OK : ERR_NO_MEMORY;

    for (uint32_t i = 0; s == OK && i < 2; i++)
        s = block_read(f->block, f->l.table + i * f->l.table_size, b + i * len,
                       f->l.table_used);
    if (s == OK)
        *copies = b;
    else
        free(b);
    return s;
}

/*
 * Can the second copy be what our commit wrote before it wrote to the first?
 * It then has a link wherever the first has one, for this step frees nothing;
 * a copy that its device never updates has not. Entries in two sectors say
 * nothing: the first copy may have half of one.
 */
static bool is_second_whole(const struct fat *f, const uint8_t *copies)
{
    uint32_t size = f->l.sector_size;
    const uint8_t *second = copies + (size_t)f->l.table_used * size;

    if (!is_media(f, entry_at(f, second, 0)))
        return false;
    for (uint32_t i = FAT_FIRST; i < f->l.clusters + FAT_FIRST; i++)
        if (i * 3 / 2 % size != size - 1 && entry_at(f, copies, i) != 0 &&
            entry_at(f, second, i) == 0)
            return false;
    return true;
}

static enum status read_first_entry(struct fat *f, uint32_t *value)
{
    uint8_t *sector = malloc(f->l.sector_size);
    enum status s = sector ? block_read(f->block, f->l.table, sector, 1)
                           : ERR_NO_MEMORY;

    if (s == OK)
        *value = entry_at(f, sector, 0);
    free(sector);
    return s;
}

enum status fat_choose_table(struct fat *f)
{
    uint32_t value;
    uint8_t *copies;
    enum status s = read_first_entry(f, &value);

    f->reads_second = false;
    if (s || is_media(f, value) || f->l.tables < 2)
        return s;
    if (f->l.type == FAT12 && value == TORN_MARK &&
        read_copies(f, &copies) == OK) {
        f->reads_second = is_second_whole(f, copies);
        free(copies);
    }
    if (f->reads_second)
        log_warning(&fat, "the first copy of the table was being written when "
                          "power failed; the second is used");
    else
        log_warning(&fat, "the first entry of the table is damaged; the table "
                          "is used all the same. `fsck.fat -a` would take the "
                          "second copy, whatever that holds: keep a copy of "
                          "the disk before you run it");
    return OK;
}

/* The second copy over the first, its first sector last: until then the mark
 * stands. */
static enum status copy_second(struct fat *f, const uint8_t *second)
{
    size_t size = f->l.sector_size;
    enum status s = OK;

    log_warning(&fat, "copying the second copy of the table over the first, "
                      "which was not written to its end");
    for (uint32_t i = f->l.table_used; s == OK && i-- > 0;) {
        if (i == 0)
            s = fat_barrier(f);
        if (s == OK)
            s = fat_write_data(f, f->l.table + i, second + i * size, 1);
    }
    return s ? s : fat_barrier(f);
}

enum status fat_prepare_table(struct fat *f)
{
    size_t len = (size_t)f->l.table_used * f->l.sector_size;
    uint8_t *copies = NULL;
    enum status s;

    if (f->is_table_prepared || f->l.type != FAT12 || f->l.tables < 2)
        return OK;
    s = read_copies(f, &copies);
    if (f->reads_second) {
        if (s == OK)
            s = copy_second(f, copies + len);
        free(copies);
        if (s)
            return s;
        f->are_copies_alike = true;
    } else { /* a second copy that cannot be read is none */
        f->are_copies_alike = s == OK && memcmp(copies, copies + len, len) == 0;
        free(copies);
        if (!f->are_copies_alike)
            log_warning(&fat, "the copies of the table differ; both will get "
                              "what changes, and `fsck.fat` compares them");
    }
    f->reads_second = false;
    f->is_table_prepared = true;
    return OK;
}
