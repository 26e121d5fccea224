/* SPDX-License-Identifier: ISC */
/* Slots of a directory, and the names that they hold. */
#include "fat_dir_slots.h"
#include <stdlib.h>
#include <string.h>

#define PIECE 4096u /* bytes */

uint32_t fat_dir_piece(const struct fat_layout *l)
{
    uint32_t most = l->sector_size < PIECE ? PIECE / l->sector_size : 1;

    return l->cluster < most ? l->cluster : most;
}

uint32_t fat_dir_first(const struct fat_dir *d)
{
    return d->first;
}

bool fat_dir_is_fixed(const struct fat *f, const struct fat_dir *d)
{
    return d->first == 0 && f->l.type != FAT32;
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
        if (step >= 4 && fat_is_free(old) && !fat_is_short(now))
            memcpy(to + at, now, FAT_SLOT);
        else if ((step == 4 || step == 5) && fat_is_free(old))
            to[at] = FAT_IS_FREE;
        else if ((step >= 6 && fat_is_short(now)) ||
                 (step >= 7 && fat_is_short(old)) ||
                 (step >= FAT_STEP_REPLACED && fat_is_short(old) &&
                  fat_is_free(now) && is_early(p, at)))
            memcpy(to + at, now, FAT_SLOT);
    }
}

/* The piece that a slot lies in, and where. */
enum status fat_slot_find(struct fat *f, const struct fat_dir *d,
                          uint32_t slot, struct fat_piece **piece,
                          size_t *at)
{
    uint32_t size = fat_dir_piece(&f->l), bytes = size * f->l.sector_size;
    uint64_t sector;
    uint32_t count = size, place = slot * FAT_SLOT;

    if (fat_dir_is_fixed(f, d)) {
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
enum status fat_slot_read(struct fat *f, const struct fat_dir *d,
                          uint32_t slot, bool on_disk,
                          const uint8_t **bytes)
{
    struct fat_piece *p;
    size_t at;
    enum status s = fat_slot_find(f, d, slot, &p, &at);

    if (s == OK)
        *bytes = (on_disk && p->old ? p->old : p->now) + at;
    return s;
}

enum status fat_slot_write(struct fat *f, struct fat_dir *d, uint32_t slot,
                           const uint8_t *bytes, size_t len)
{
    struct fat_piece *p;
    size_t at;
    enum status s = fat_slot_find(f, d, slot, &p, &at);

    if (s == OK)
        s = fat_change(f, p, at, bytes, len);
    if (s == OK && d->is_apart)
        p->is_apart = true;
    return s;
}

enum status fat_dir_cluster_room(struct fat_dir *d)
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

uint32_t fat_hash_short(const struct fat *f, const uint8_t *slot)
{
    struct fat_name name;

    fat_short_name(slot, &name);
    return fat_name_hash(&name, f->seed);
}

/* The name in a slot, with what stands before it. */
enum status fat_entry_read(struct fat *f, const struct fat_dir *d,
                           uint32_t slot, bool on_disk,
                           struct fat_entry *e)
{
    struct fat_pieces pieces = {0};
    char text[FAT_TEXT];
    const uint8_t *bytes;
    enum status s;

    if ((s = fat_slot_read(f, d, slot, on_disk, &bytes)) != OK)
        return s;
    memcpy(e->bytes, bytes, FAT_SLOT);
    e->slot = e->first = slot;
    while (e->first > 0 && slot - e->first < FAT_PIECES) {
        if ((s = fat_slot_read(f, d, e->first - 1, on_disk, &bytes)) != OK)
            return s;
        if (!fat_is_long(bytes) || bytes[13] != fat_short_sum(e->bytes))
            break;
        e->first--;
        if (bytes[0] & 0x40)
            break;
    }
    for (uint32_t i = e->first; i < slot; i++) {
        if ((s = fat_slot_read(f, d, i, on_disk, &bytes)) != OK)
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
