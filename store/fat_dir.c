/* SPDX-License-Identifier: ISC */
#include "fat_dir.h"
#include <mirage/panic.h>
#include <stdlib.h>
#include <string.h>

#define PIECE     4096u /* bytes */
#define MOST      65536u /* slots of a directory */
#define MOST_RUN  21 /* slots of a name */
#define IS_FREE   0xe5
#define LONG      0x0f
#define ATTRIBUTE 11

/*
 * Where a name is: its short name's slot. A name has two, for each of its
 * hashes; those of names that are gone stay until the commit.
 */
struct mention {
    uint32_t hash, slot;
    enum { EMPTY,
           LEFT, /* look further */
           THERE,
           GONE } state;
};

struct gone {
    uint32_t first, slot, hash[2];
};

struct fat_dir {
    uint32_t first; /* cluster; 0: the root */
    uint64_t used;
    uint32_t *cluster;
    size_t clusters, cluster_room;
    uint32_t slots; /* there is room for */
    uint32_t end; /* the first slot that was never in use */
    bool is_clean; /* from there on all are zeros */
    bool is_apart; /* no name on the disk leads to it */

    uint64_t taken[MOST / 64]; /* slots that cannot be had */
    uint32_t from[MOST_RUN + 1]; /* no free run of n begins before from[n] */

    struct mention *mention; /* a hash table */
    size_t mentions, mention_room;
    struct gone *gone;
    size_t gone_count, gone_room;
};

uint32_t fat_dir_piece(const struct fat_layout *l)
{
    uint32_t most = l->sector_size < PIECE ? PIECE / l->sector_size : 1;

    return l->cluster < most ? l->cluster : most;
}

uint32_t fat_dir_first(const struct fat_dir *d)
{
    return d->first;
}

static bool is_fixed(const struct fat *f, const struct fat_dir *d)
{
    return d->first == 0 && f->l.type != FAT32;
}

static bool is_free(const uint8_t *slot)
{
    return slot[0] == IS_FREE || slot[0] == 0;
}

static bool is_long(const uint8_t *slot)
{
    return !is_free(slot) && (slot[ATTRIBUTE] & 0x3f) == LONG;
}

static bool is_short(const uint8_t *slot)
{
    return !is_free(slot) && (slot[ATTRIBUTE] & 0x3f) != LONG;
}

/* What people call a file or a directory. */
static bool is_name(const uint8_t *slot)
{
    return is_short(slot) && !(slot[ATTRIBUTE] & FAT_VOLUME) && slot[0] != '.';
}

static bool is_early(const struct fat_piece *p, size_t at)
{
    return p->early[at / FAT_SLOT / 64] >> at / FAT_SLOT % 64 & 1;
}

/*
 * A slot goes from free to long or short, from short to short, and to free,
 * between two commits: see fat_store.h for the steps.
 */
void fat_dir_step(const struct fat_piece *p, size_t size, int step,
                  uint8_t *to)
{
    memcpy(to, p->old, size);
    for (size_t at = 0; at < size; at += FAT_SLOT) {
        const uint8_t *old = p->old + at, *now = p->now + at;

        if (memcmp(old, now, FAT_SLOT) == 0)
            continue;
        if (step >= 4 && is_free(old) && !is_short(now))
            memcpy(to + at, now, FAT_SLOT);
        else if ((step == 4 || step == 5) && is_free(old))
            to[at] = IS_FREE;
        else if ((step >= 6 && is_short(now)) ||
                 (step >= 7 && is_short(old)) ||
                 (step >= FAT_STEP_REPLACED && is_short(old) && is_free(now) &&
                  is_early(p, at)))
            memcpy(to + at, now, FAT_SLOT);
    }
}

/* The piece that a slot lies in, and where. */
static enum status find_slot(struct fat *f, const struct fat_dir *d,
                             uint32_t slot, struct fat_piece **piece,
                             size_t *at)
{
    uint32_t size = fat_dir_piece(&f->l), bytes = size * f->l.sector_size;
    uint64_t sector;
    uint32_t count = size, place = slot * FAT_SLOT;

    if (is_fixed(f, d)) {
        sector = f->l.root;
        if (count > f->l.root_size - place / bytes * size)
            count = f->l.root_size - place / bytes * size;
    } else {
        sector = fat_sector_of(&f->l, d->cluster[place / f->l.cluster_size]);
        place %= f->l.cluster_size;
    }
    *at = place % bytes;
    return fat_get(f, sector + place / bytes * size, count, FAT_DIRECTORY,
                   piece);
}

/* A slot as it is; or, on the disk, as it was. Lent like its piece. */
static enum status read_slot(struct fat *f, const struct fat_dir *d,
                             uint32_t slot, bool on_disk,
                             const uint8_t **bytes)
{
    struct fat_piece *p;
    size_t at;
    enum status s = find_slot(f, d, slot, &p, &at);

    if (s == OK)
        *bytes = (on_disk && p->old ? p->old : p->now) + at;
    return s;
}

static enum status write_slot(struct fat *f, struct fat_dir *d, uint32_t slot,
                              const uint8_t *bytes, size_t len)
{
    struct fat_piece *p;
    size_t at;
    enum status s = find_slot(f, d, slot, &p, &at);

    if (s == OK)
        s = fat_change(f, p, at, bytes, len);
    if (s == OK && d->is_apart)
        p->is_apart = true;
    return s;
}

static bool is_taken(const struct fat_dir *d, uint32_t slot)
{
    return d->taken[slot / 64] >> slot % 64 & 1;
}

static void take(struct fat_dir *d, uint32_t slot)
{
    d->taken[slot / 64] |= (uint64_t)1 << slot % 64;
}

static struct mention *probe(const struct fat_dir *d, uint32_t hash, size_t i)
{
    return &d->mention[(hash + i) & (d->mention_room - 1)];
}

static void mention(struct fat_dir *d, uint32_t hash, uint32_t slot, int state)
{
    size_t i = 0;

    while (probe(d, hash, i)->state > LEFT)
        i++;
    if (probe(d, hash, i)->state == EMPTY)
        d->mentions++;
    *probe(d, hash, i) = (struct mention){hash, slot, state};
}

static void set_mention(struct fat_dir *d, uint32_t hash, uint32_t slot,
                        int state)
{
    for (size_t i = 0; probe(d, hash, i)->state != EMPTY; i++) {
        struct mention *m = probe(d, hash, i);

        if (m->hash == hash && m->slot == slot && m->state != LEFT) {
            m->state = state;
            return;
        }
    }
}

/* Room for two more: at most half of the table is in use. */
static enum status make_mention_room(struct fat_dir *d)
{
    struct fat_dir to = {.mention_room = 64};

    if (2 * (d->mentions + 2) <= d->mention_room)
        return OK;
    for (size_t i = 0; i < d->mention_room; i++)
        to.mentions += d->mention[i].state > LEFT;
    while (to.mention_room < 4 * (to.mentions + 2))
        to.mention_room *= 2;
    to.mention = calloc(to.mention_room, sizeof *to.mention);
    if (!to.mention)
        return ERR_NO_MEMORY;
    to.mentions = 0;
    for (size_t i = 0; i < d->mention_room; i++)
        if (d->mention[i].state > LEFT)
            mention(&to, d->mention[i].hash, d->mention[i].slot,
                    d->mention[i].state);
    free(d->mention);
    d->mention = to.mention;
    d->mention_room = to.mention_room;
    d->mentions = to.mentions;
    return OK;
}

static enum status make_gone_room(struct fat_dir *d)
{
    size_t room = d->gone_room ? 2 * d->gone_room : 16;
    struct gone *more;

    if (d->gone_count < d->gone_room)
        return OK;
    more = realloc(d->gone, room * sizeof *more);
    if (!more)
        return ERR_NO_MEMORY;
    d->gone = more;
    d->gone_room = room;
    return OK;
}

static enum status make_cluster_room(struct fat_dir *d)
{
    size_t room = d->cluster_room ? 2 * d->cluster_room : 8;
    uint32_t *more;

    if (d->clusters < d->cluster_room)
        return OK;
    more = realloc(d->cluster, room * sizeof *more);
    if (!more)
        return ERR_NO_MEMORY;
    d->cluster = more;
    d->cluster_room = room;
    return OK;
}

static uint32_t hash_short(const struct fat *f, const uint8_t *slot)
{
    struct fat_name name;

    fat_short_name(slot, &name);
    return fat_name_hash(&name, f->seed);
}

/* The name in a slot, with what stands before it. */
static enum status read_entry(struct fat *f, const struct fat_dir *d,
                              uint32_t slot, bool on_disk,
                              struct fat_entry *e)
{
    struct fat_pieces pieces = {0};
    char text[FAT_TEXT];
    const uint8_t *bytes;
    enum status s;

    if ((s = read_slot(f, d, slot, on_disk, &bytes)) != OK)
        return s;
    memcpy(e->bytes, bytes, FAT_SLOT);
    e->slot = e->first = slot;
    while (e->first > 0 && slot - e->first < FAT_PIECES) {
        if ((s = read_slot(f, d, e->first - 1, on_disk, &bytes)) != OK)
            return s;
        if (!is_long(bytes) || bytes[13] != fat_short_sum(e->bytes))
            break;
        e->first--;
        if (bytes[0] & 0x40)
            break;
    }
    for (uint32_t i = e->first; i < slot; i++) {
        if ((s = read_slot(f, d, i, on_disk, &bytes)) != OK)
            return s;
        fat_piece_get(&pieces, bytes);
    }
    if (!pieces.is_whole)
        e->first = slot;
    e->name = pieces.name;
    if (!pieces.is_whole || !fat_name_text(&e->name, text))
        fat_short_name(e->bytes, &e->name);
    return OK;
}

static enum status mention_entry(struct fat *f, struct fat_dir *d,
                                 uint32_t slot, bool on_disk)
{
    struct fat_entry e;
    uint32_t hash, other;
    enum status s = make_mention_room(d);

    if (s == OK)
        s = read_entry(f, d, slot, on_disk, &e);
    if (s == OK && on_disk)
        s = make_gone_room(d);
    if (s)
        return s;
    hash = fat_name_hash(&e.name, f->seed);
    other = hash_short(f, e.bytes);
    mention(d, hash, slot, on_disk ? GONE : THERE);
    if (other != hash)
        mention(d, other, slot, on_disk ? GONE : THERE);
    if (on_disk)
        d->gone[d->gone_count++] =
            (struct gone){e.first, slot, {hash, other}};
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
        if ((s = read_slot(f, d, i, false, &now)) != OK)
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
        if (!is_free(now))
            take(d, i);
        if (is_name(now))
            s = mention_entry(f, d, i, false);
    }
    for (uint32_t i = 0; s == OK && f->changed > 0 && i < d->end; i++) {
        s = read_slot(f, d, i, false, &now);
        if (s == OK && is_free(now))
            s = read_slot(f, d, i, true, &old);
        else
            continue;
        if (s == OK && !is_free(old)) {
            take(d, i);
            if (is_name(old))
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

    if (is_fixed(f, d)) {
        d->slots = fat_root_slots(&f->l);
        if (d->slots > MOST)
            d->slots = MOST;
        return OK;
    }
    if (!fat_is_cluster(&f->l, c))
        return fat_corrupt("a directory begins in cluster %u, which is none",
                           (unsigned)c);
    while (c != 0) {
        if (d->slots >= MOST)
            return fat_corrupt("the directory that begins in cluster %u has "
                               "more than %u slots, or its chain is a loop",
                               (unsigned)d->cluster[0], MOST);
        if ((s = make_cluster_room(d)) != OK)
            return s;
        d->cluster[d->clusters++] = c;
        d->slots += in_one;
        if ((s = fat_next(f, c, &c)) != OK)
            return s;
    }
    if (d->slots > MOST)
        d->slots = MOST;
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
        s = make_mention_room(d);
    if (s == OK)
        s = find_slot(f, d, 0, &p, &at);
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

/*
 * A listed name must lead to its own entry, whatever a disk holds: so a name
 * that is spelled just so comes before one that differs by case, and both
 * before the short name of another.
 */
static int rank(const struct fat_name *wanted, const struct fat_entry *e)
{
    struct fat_name other;

    if (fat_name_is_same(wanted, &e->name))
        return memcmp(wanted->unit, e->name.unit,
                      wanted->len * sizeof *wanted->unit) == 0
                   ? 3
                   : 2;
    fat_short_name(e->bytes, &other);
    return fat_name_is_same(wanted, &other);
}

enum status fat_dir_find(struct fat *f, struct fat_dir *d,
                         const struct fat_name *name, struct fat_entry *entry)
{
    uint32_t hash = fat_name_hash(name, f->seed), slot = 0;
    int best = 0, last = 0;

    for (size_t i = 0; probe(d, hash, i)->state != EMPTY; i++) {
        const struct mention *m = probe(d, hash, i);
        enum status s;

        if (m->hash != hash || m->state != THERE)
            continue;
        if ((s = read_entry(f, d, m->slot, false, entry)) != OK)
            return s;
        last = rank(name, entry);
        /* Of equals the first in the directory, as others have it. */
        if (last > best || (last == best && last > 0 && m->slot < slot)) {
            best = last;
            slot = m->slot;
        }
    }
    if (best == 0)
        return ERR_NOT_FOUND;
    return entry->slot == slot ? OK : read_entry(f, d, slot, false, entry);
}

enum status fat_dir_is_found(struct fat *f, struct fat_dir *d,
                             const struct fat_entry *e, bool *is_found)
{
    uint32_t hash = fat_name_hash(&e->name, f->seed);
    struct fat_entry found;
    enum status s;

    *is_found = true;
    for (size_t i = 0; probe(d, hash, i)->state != EMPTY; i++) {
        const struct mention *m = probe(d, hash, i);

        if (m->hash != hash || m->state != THERE || m->slot == e->slot)
            continue;
        s = fat_dir_find(f, d, &e->name, &found);
        *is_found = s == OK && found.slot == e->slot;
        return s == ERR_NOT_FOUND ? OK : s;
    }
    return OK;
}

enum status fat_dir_next(struct fat *f, struct fat_dir *d, uint32_t *slot,
                         struct fat_entry *entry)
{
    const uint8_t *bytes;
    enum status s;

    for (; *slot < d->end; ++*slot) {
        if (!is_taken(d, *slot))
            continue;
        if ((s = read_slot(f, d, *slot, false, &bytes)) != OK)
            return s;
        if (is_name(bytes))
            return read_entry(f, d, (*slot)++, false, entry);
    }
    return ERR_EOF;
}

/* Is the name there, or gone but on the disk yet? By its hash alone. */
static bool is_mentioned(const struct fat_dir *d, uint32_t hash, int state)
{
    for (size_t i = 0; probe(d, hash, i)->state != EMPTY; i++)
        if (probe(d, hash, i)->hash == hash &&
            (int)probe(d, hash, i)->state == state)
            return true;
    return false;
}

static bool is_short_taken(const struct fat *f, const struct fat_dir *d,
                           const uint8_t *slot)
{
    uint32_t hash = hash_short(f, slot);

    return is_mentioned(d, hash, THERE) || is_mentioned(d, hash, GONE);
}

/* Finds a short name, in slot; *pieces are those of the long one, or 0. */
static enum status choose_short(const struct fat *f, const struct fat_dir *d,
                                const struct fat_name *name, uint8_t *slot,
                                size_t *pieces)
{
    uint8_t basis[FAT_SHORT];
    enum fat_fit fit = fat_short_of(name, basis);

    memcpy(slot, basis, FAT_SHORT);
    slot[12] = 0;
    *pieces = fat_name_pieces(name);
    if (fit != FAT_IS_CUT && !is_short_taken(f, d, slot)) {
        if (fit == FAT_FITS)
            *pieces = 0;
        return OK;
    }
    for (uint32_t n = 1; n < MOST; n++) {
        fat_short_number(name, basis, n, slot);
        if (!is_short_taken(f, d, slot))
            return OK;
    }
    return ERR_NO_SPACE;
}

/* The first of `need` free slots in a row; or the end of the directory's. */
static uint32_t find_run(const struct fat_dir *d, uint32_t need)
{
    uint32_t run = d->from[need], i = run;

    while (i < d->slots && i - run < need) {
        if (i >= d->end)
            break;
        if (is_taken(d, i))
            run = i + 1;
        i++;
    }
    return run;
}

/* Another cluster at the end, of zeros. */
static enum status lengthen(struct fat *f, struct fat_dir *d)
{
    uint32_t c, in_one = f->l.cluster_size / FAT_SLOT;
    enum status s;

    if (is_fixed(f, d) || d->slots + in_one > MOST) {
        f->full = is_fixed(f, d) ? FAT_ROOT_FULL : FAT_DIRECTORY_FULL;
        return ERR_NO_SPACE;
    }
    s = make_cluster_room(d);
    if (s == OK)
        s = fat_take(f, d->cluster[d->clusters - 1], 1);
    if (s)
        return s;
    c = f->taken[f->taken_count - 1];
    fat_drop(f, fat_sector_of(&f->l, c), f->l.cluster);
    s = fat_write_zeros(f, fat_sector_of(&f->l, c), f->l.cluster);
    if (s)
        return s;
    d->cluster[d->clusters++] = c;
    d->slots += in_one;
    return OK;
}

/*
 * What stands behind the end is nobody's, but would come to light as the end
 * moves. It cannot be seen, so it may go at any moment.
 */
enum status fat_dir_clean(struct fat *f, struct fat_dir *d)
{
    enum status s = OK;

    if (d->is_clean)
        return OK;
    if (fat_has_changes(f))
        return ERR_IN_USE;
    for (uint32_t i = d->end; s == OK && i < d->slots; i++) {
        struct fat_piece *p;
        size_t at, sector;

        if ((s = find_slot(f, d, i, &p, &at)) != OK)
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
    uint8_t slot[FAT_SLOT], piece[FAT_SLOT];
    uint32_t run, hash = fat_name_hash(name, f->seed), other;
    size_t n;
    enum status s = OK;

    if (is_mentioned(d, hash, GONE))
        return ERR_IN_USE;
    memcpy(slot, bytes, FAT_SLOT);
    if ((s = choose_short(f, d, name, slot, &n)) != OK ||
        (s = make_mention_room(d)) != OK || (s = fat_dir_clean(f, d)) != OK)
        return s;
    run = find_run(d, (uint32_t)n + 1);
    while (s == OK && run + n + 1 > d->slots)
        s = lengthen(f, d);
    for (uint32_t i = 0; s == OK && i < n; i++) {
        fat_piece_put(name, n - i, fat_short_sum(slot), piece);
        s = write_slot(f, d, run + i, piece, FAT_SLOT);
    }
    if (s == OK)
        s = write_slot(f, d, run + (uint32_t)n, slot, FAT_SLOT);
    if (s)
        return s;
    for (uint32_t i = run; i <= run + n; i++)
        take(d, i);
    d->from[n + 1] = run + (uint32_t)n + 1;
    if (run + n + 1 > d->end)
        d->end = run + (uint32_t)n + 1;
    other = hash_short(f, slot);
    mention(d, hash, run + (uint32_t)n, THERE);
    if (other != hash)
        mention(d, other, run + (uint32_t)n, THERE);
    return OK;
}

enum status fat_dir_change(struct fat *f, struct fat_dir *d, uint32_t slot,
                           const uint8_t bytes[FAT_SLOT])
{
    return write_slot(f, d, slot, bytes, FAT_SLOT);
}

enum status fat_dir_remove(struct fat *f, struct fat_dir *d,
                           const struct fat_entry *entry)
{
    static const uint8_t mark = IS_FREE;
    struct gone g = {entry->first, entry->slot, {0}};
    enum status s = make_gone_room(d);

    for (uint32_t i = entry->first; s == OK && i <= entry->slot; i++)
        s = write_slot(f, d, i, &mark, 1);
    if (s)
        return s;
    g.hash[0] = fat_name_hash(&entry->name, f->seed);
    g.hash[1] = hash_short(f, entry->bytes);
    set_mention(d, g.hash[0], entry->slot, GONE);
    set_mention(d, g.hash[1], entry->slot, GONE);
    d->gone[d->gone_count++] = g;
    return OK;
}

void fat_dirs_leave_early(struct fat *f, uint32_t first)
{
    for (struct fat_piece *p = f->newest; p && first != 0; p = p->older)
        for (size_t at = 0; p->old && p->kind == FAT_DIRECTORY &&
                            at < fat_piece_size(f, p);
             at += FAT_SLOT)
            if (is_short(p->old + at) && is_free(p->now + at) &&
                fat_first_cluster(f, p->old + at) == first)
                p->early[at / FAT_SLOT / 64] |= (uint64_t)1
                                                << at / FAT_SLOT % 64;
}

enum status fat_dir_is_on_disk(struct fat *f, struct fat_dir *d, uint32_t slot,
                               bool *is_on_disk)
{
    const uint8_t *old;
    enum status s = read_slot(f, d, slot, true, &old);

    if (s == OK)
        *is_on_disk = !d->is_apart && is_short(old);
    return s;
}

enum status fat_dir_make(struct fat *f, uint32_t parent,
                         const uint8_t bytes[FAT_SLOT], uint32_t *first)
{
    uint32_t c;
    uint8_t slot[FAT_SLOT];
    struct fat_piece *p;
    enum status s = fat_take(f, 0, 1);

    if (s)
        return s;
    c = f->taken[f->taken_count - 1];
    fat_drop(f, fat_sector_of(&f->l, c), f->l.cluster);
    s = fat_write_zeros(f, fat_sector_of(&f->l, c), f->l.cluster);
    if (s == OK)
        s = fat_get(f, fat_sector_of(&f->l, c), fat_dir_piece(&f->l),
                    FAT_DIRECTORY, &p);
    if (s)
        return s;
    memcpy(slot, bytes, FAT_SLOT);
    memcpy(slot, ".          ", FAT_SHORT);
    fat_put_first_cluster(slot, c);
    s = fat_change(f, p, 0, slot, FAT_SLOT);
    slot[1] = '.';
    fat_put_first_cluster(slot, parent);
    if (s == OK)
        s = fat_change(f, p, FAT_SLOT, slot, FAT_SLOT);
    p->is_apart = true;
    *first = c;
    return s;
}

enum status fat_dir_set_parent(struct fat *f, struct fat_dir *d,
                               uint32_t parent)
{
    uint8_t slot[FAT_SLOT];
    const uint8_t *is;
    enum status s = read_slot(f, d, 1, false, &is);

    if (s)
        return s;
    if (memcmp(is, "..         ", FAT_SHORT) != 0)
        return fat_corrupt("the directory in cluster %u has no \"..\"",
                           (unsigned)d->first);
    memcpy(slot, is, FAT_SLOT);
    fat_put_first_cluster(slot, parent);
    return write_slot(f, d, 1, slot, FAT_SLOT);
}

enum status fat_dir_is_empty(struct fat *f, struct fat_dir *d, bool *is_empty)
{
    struct fat_entry e;
    uint32_t slot = 0;
    enum status s = fat_dir_next(f, d, &slot, &e);

    *is_empty = s == ERR_EOF;
    return s == ERR_EOF ? OK : s;
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

static void let_go(struct fat_dir *d, const struct gone *g)
{
    uint32_t from = g->first > MOST_RUN ? g->first - MOST_RUN : 0;

    set_mention(d, g->hash[0], g->slot, LEFT);
    set_mention(d, g->hash[1], g->slot, LEFT);
    for (uint32_t i = g->first; i <= g->slot; i++)
        d->taken[i / 64] &= ~((uint64_t)1 << i % 64);
    for (size_t n = 0; n <= MOST_RUN; n++)
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
