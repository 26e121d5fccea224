/* SPDX-License-Identifier: ISC */
#include "fat_dir_index.h"
#include <stdlib.h>

void fat_index_add(struct fat_dir *d, uint32_t hash, uint32_t slot,
                   enum fat_index_state state)
{
    size_t i = 0;

    while (fat_index_probe(d, hash, i)->state > FAT_INDEX_DELETED)
        i++;
    if (fat_index_probe(d, hash, i)->state == FAT_INDEX_EMPTY)
        d->index_used++;
    *fat_index_probe(d, hash, i) = (struct fat_index_entry){hash, slot, state};
}

void fat_index_set(struct fat_dir *d, uint32_t hash, uint32_t slot,
                   enum fat_index_state state)
{
    for (size_t i = 0; fat_index_probe(d, hash, i)->state != FAT_INDEX_EMPTY;
         i++) {
        struct fat_index_entry *m = fat_index_probe(d, hash, i);

        if (m->hash == hash && m->slot == slot &&
            m->state != FAT_INDEX_DELETED) {
            m->state = state;
            return;
        }
    }
}

/* Rebuilds the table without deleted entries when it is half full. */
enum status fat_index_reserve(struct fat_dir *d)
{
    struct fat_dir to = {.index_size = 64};

    if (2 * (d->index_used + 2) <= d->index_size)
        return OK;
    for (size_t i = 0; i < d->index_size; i++)
        to.index_used += d->index[i].state > FAT_INDEX_DELETED;
    while (to.index_size < 4 * (to.index_used + 2))
        to.index_size *= 2;
    to.index = calloc(to.index_size, sizeof *to.index);
    if (!to.index)
        return ERR_NO_MEMORY;
    to.index_used = 0;
    for (size_t i = 0; i < d->index_size; i++)
        if (d->index[i].state > FAT_INDEX_DELETED)
            fat_index_add(&to, d->index[i].hash, d->index[i].slot,
                          d->index[i].state);
    free(d->index);
    d->index = to.index;
    d->index_size = to.index_size;
    d->index_used = to.index_used;
    return OK;
}

enum status fat_dir_reserve_removed(struct fat_dir *d)
{
    size_t room = d->removed_room ? 2 * d->removed_room : 16;
    struct fat_removed_name *more;

    if (d->removed_count < d->removed_room)
        return OK;
    more = realloc(d->removed, room * sizeof *more);
    if (!more)
        return ERR_NO_MEMORY;
    d->removed = more;
    d->removed_room = room;
    return OK;
}

bool fat_index_has(const struct fat_dir *d, uint32_t hash,
                   enum fat_index_state state)
{
    for (size_t i = 0; fat_index_probe(d, hash, i)->state != FAT_INDEX_EMPTY;
         i++)
        if (fat_index_probe(d, hash, i)->hash == hash &&
            fat_index_probe(d, hash, i)->state == state)
            return true;
    return false;
}
