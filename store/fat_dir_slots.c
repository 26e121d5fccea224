/* SPDX-License-Identifier: ISC */
#include "fat_dir_slots.h"
#include "fat_commit.h"
#include "fat_table.h"
#include <stdlib.h>
#include <string.h>

#define BUFFER 4096u /* bytes, unless clusters are smaller or sectors larger */

uint32_t fat_dir_buffer_sectors(const struct fat_layout *l)
{
    uint32_t most = l->sector_size < BUFFER ? BUFFER / l->sector_size : 1;

    return l->cluster < most ? l->cluster : most;
}

uint32_t fat_dir_first(const struct fat_dir *d)
{
    return d->first;
}

static bool is_early(const struct fat_buffer *p, size_t at)
{
    return p->removed_early[at / FAT_SLOT / 64] >> at / FAT_SLOT % 64 & 1;
}

/*
 * Between two commits a free slot may become a long or a short entry, a short
 * entry may change, and either may become free. fat_commit.h has the steps.
 */
void fat_dir_step(const struct fat_buffer *p, size_t size, int step,
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

enum status fat_slot_find(struct fat *f, const struct fat_dir *d,
                          uint32_t slot, struct fat_buffer **buffer,
                          size_t *at)
{
    uint32_t size = fat_dir_buffer_sectors(&f->l),
             bytes = size * f->l.sector_size;
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
    return fat_buffer_get(f, sector + place / bytes * size, count,
                          FAT_DIRECTORY, buffer);
}

enum status fat_slot_read(struct fat *f, const struct fat_dir *d,
                          uint32_t slot, bool on_disk,
                          const uint8_t **bytes)
{
    struct fat_buffer *p;
    size_t at;
    enum status s = fat_slot_find(f, d, slot, &p, &at);

    if (s == OK)
        *bytes = (on_disk && p->old ? p->old : p->now) + at;
    return s;
}

enum status fat_slot_write(struct fat *f, struct fat_dir *d, uint32_t slot,
                           const uint8_t *bytes, size_t len)
{
    struct fat_buffer *p;
    size_t at;
    enum status s = fat_slot_find(f, d, slot, &p, &at);

    if (s == OK)
        s = fat_buffer_change(f, p, at, bytes, len);
    if (s == OK && d->is_unlinked)
        p->is_unlinked = true;
    return s;
}

enum status fat_dir_reserve_cluster(struct fat_dir *d)
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

    fat_short_read(slot, &name);
    return fat_name_hash(&name, f->seed);
}

enum status fat_entry_read(struct fat *f, const struct fat_dir *d,
                           uint32_t slot, bool on_disk,
                           struct fat_entry *e)
{
    struct fat_long_name name = {0};
    char text[FAT_NAME_BYTES];
    const uint8_t *bytes;
    enum status s;

    if ((s = fat_slot_read(f, d, slot, on_disk, &bytes)) != OK)
        return s;
    memcpy(e->bytes, bytes, FAT_SLOT);
    e->slot = e->first = slot;
    while (e->first > 0 && slot - e->first < FAT_LONG_ENTRIES) {
        if ((s = fat_slot_read(f, d, e->first - 1, on_disk, &bytes)) != OK)
            return s;
        if (!fat_is_long(bytes) ||
            bytes[LDIR_CHKSUM] != fat_short_checksum(e->bytes))
            break;
        e->first--;
        if (bytes[LDIR_ORD] & FAT_LAST_LONG)
            break;
    }
    for (uint32_t i = e->first; i < slot; i++) {
        if ((s = fat_slot_read(f, d, i, on_disk, &bytes)) != OK)
            return s;
        fat_long_get(&name, bytes);
    }
    if (!name.is_whole)
        e->first = slot;
    e->name = name.name;
    if (!name.is_whole || !fat_name_text(&e->name, text))
        fat_short_read(e->bytes, &e->name);
    return OK;
}
