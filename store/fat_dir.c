/* SPDX-License-Identifier: ISC */
/* Finding and listing the names of a directory, by its index. */
#include "fat_dir_index.h"
#include <string.h>

/*
 * How well an entry matches: 3 for the same spelling, 2 for another case, 1 for
 * its short name alone, 0 for none. Otherwise a name that is listed could lead
 * to another entry, on a volume that others have written.
 */
static int rank(const struct fat_name *wanted, const struct fat_entry *e)
{
    struct fat_name other;

    if (fat_name_is_same(wanted, &e->name))
        return memcmp(wanted->unit, e->name.unit,
                      wanted->len * sizeof *wanted->unit) == 0
                   ? 3
                   : 2;
    fat_short_read(e->bytes, &other);
    return fat_name_is_same(wanted, &other);
}

enum status fat_dir_find(struct fat *f, struct fat_dir *d,
                         const struct fat_name *name, struct fat_entry *entry)
{
    uint32_t hash = fat_name_hash(name, f->seed), slot = 0;
    int best = 0, last = 0;

    for (size_t i = 0; fat_index_probe(d, hash, i)->state != FAT_INDEX_EMPTY;
         i++) {
        const struct fat_index_entry *m = fat_index_probe(d, hash, i);
        enum status s;

        if (m->hash != hash || m->state != FAT_INDEX_PRESENT)
            continue;
        if ((s = fat_entry_read(f, d, m->slot, false, entry)) != OK)
            return s;
        last = rank(name, entry);
        /* Of equal matches the first, which other systems take too. */
        if (last > best || (last == best && last > 0 && m->slot < slot)) {
            best = last;
            slot = m->slot;
        }
    }
    if (best == 0)
        return ERR_NOT_FOUND;
    return entry->slot == slot ? OK : fat_entry_read(f, d, slot, false, entry);
}

enum status fat_dir_is_found(struct fat *f, struct fat_dir *d,
                             const struct fat_entry *e, bool *is_found)
{
    uint32_t hash = fat_name_hash(&e->name, f->seed);
    struct fat_entry found;
    enum status s;

    *is_found = true;
    for (size_t i = 0; fat_index_probe(d, hash, i)->state != FAT_INDEX_EMPTY;
         i++) {
        const struct fat_index_entry *m = fat_index_probe(d, hash, i);

        if (m->hash != hash || m->state != FAT_INDEX_PRESENT ||
            m->slot == e->slot)
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
        if (!fat_slot_is_used(d, *slot))
            continue;
        if ((s = fat_slot_read(f, d, *slot, false, &bytes)) != OK)
            return s;
        if (fat_is_name(bytes))
            return fat_entry_read(f, d, (*slot)++, false, entry);
    }
    return ERR_EOF;
}

enum status fat_dir_is_empty(struct fat *f, struct fat_dir *d, bool *is_empty)
{
    struct fat_entry e;
    uint32_t slot = 0;
    enum status s = fat_dir_next(f, d, &slot, &e);

    *is_empty = s == ERR_EOF;
    return s == ERR_EOF ? OK : s;
}
