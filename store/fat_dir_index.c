/* SPDX-License-Identifier: ISC */
/* Where names are in a directory: a hash table. */
#include "fat_dir_index.h"
#include <stdlib.h>

void fat_index_add(struct fat_dir *d, uint32_t hash, uint32_t slot, int state)
{
    size_t i = 0;

    while (fat_index_probe(d, hash, i)->state > FAT_INDEX_LEFT)
        i++;
    if (fat_index_probe(d, hash, i)->state == FAT_INDEX_EMPTY)
        d->mentions++;
    *fat_index_probe(d, hash, i) = (struct fat_index_entry){hash, slot, state};
}

void fat_index_set(struct fat_dir *d, uint32_t hash, uint32_t slot,
                   int state)
{
    for (size_t i = 0; fat_index_probe(d, hash, i)->state != FAT_INDEX_EMPTY;
         i++) {
        struct fat_index_entry *m = fat_index_probe(d, hash, i);

        if (m->hash == hash && m->slot == slot && m->state != FAT_INDEX_LEFT) {
            m->state = state;
            return;
        }
    }
}

/* Room for two more: at most half of the table is in use. */
enum status fat_index_room(struct fat_dir *d)
{
    struct fat_dir to = {.mention_room = 64};

    if (2 * (d->mentions + 2) <= d->mention_room)
        return OK;
    for (size_t i = 0; i < d->mention_room; i++)
        to.mentions += d->mention[i].state > FAT_INDEX_LEFT;
    while (to.mention_room < 4 * (to.mentions + 2))
        to.mention_room *= 2;
    to.mention = calloc(to.mention_room, sizeof *to.mention);
    if (!to.mention)
        return ERR_NO_MEMORY;
    to.mentions = 0;
    for (size_t i = 0; i < d->mention_room; i++)
        if (d->mention[i].state > FAT_INDEX_LEFT)
            fat_index_add(&to, d->mention[i].hash, d->mention[i].slot,
                          d->mention[i].state);
    free(d->mention);
    d->mention = to.mention;
    d->mention_room = to.mention_room;
    d->mentions = to.mentions;
    return OK;
}

enum status fat_dir_gone_room(struct fat_dir *d)
{
    size_t room = d->gone_room ? 2 * d->gone_room : 16;
    struct fat_gone *more;

    if (d->gone_count < d->gone_room)
        return OK;
    more = realloc(d->gone, room * sizeof *more);
    if (!more)
        return ERR_NO_MEMORY;
    d->gone = more;
    d->gone_room = room;
    return OK;
}

/* Is the name there, or gone but on the disk yet? By its hash alone. */
bool fat_index_has(const struct fat_dir *d, uint32_t hash, int state)
{
    for (size_t i = 0; fat_index_probe(d, hash, i)->state != FAT_INDEX_EMPTY;
         i++)
        if (fat_index_probe(d, hash, i)->hash == hash &&
            (int)fat_index_probe(d, hash, i)->state == state)
            return true;
    return false;
}
