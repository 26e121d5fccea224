/* SPDX-License-Identifier: ISC */
/* Creating, removing and renaming files and directories. */
#include "fat_alloc.h"
#include "fat_calls.h"
#include "fat_path.h"
#include "fat_transact.h"
#include <string.h>

struct creation {
    const char *path;
    uint8_t attribute;
};

static enum status create_name(struct fat *f, void *ctx)
{
    const struct creation *c = ctx;
    struct fat_place p;
    uint8_t slot[FAT_SLOT] = {[DIR_ATTR] = c->attribute};
    uint32_t first;
    enum status s = fat_lookup(f, c->path, 0, &p);

    if (s == OK && p.is_there)
        s = ERR_EXISTS;
    if (s == OK)
        s = fat_name_check_new(&p.name);
    if (s == OK)
        s = fat_dir_clean(f, p.dir);
    if (s)
        return s;
    fat_entry_set_time(f, slot, true);
    if (c->attribute == FAT_IS_DIR) {
        if ((s = fat_dir_make(f, p.dir_first, slot, &first)) != OK)
            return s;
        fat_put_first_cluster(slot, first);
        fat_dir_forget(f, first);
    }
    return fat_dir_add(f, p.dir, &p.name, slot);
}

static enum status create_as(struct fs *fs, const char *path,
                             uint8_t attribute)
{
    struct fat *f = fat_of(fs);
    struct creation c = {path, attribute};
    enum status s = fat_lock_mounted(f, true);

    return s ? s : fat_unlock(f, fat_transact(f, create_name, &c));
}

enum status fat_create(struct fs *fs, const char *path)
{
    return create_as(fs, path, FAT_ARCHIVE);
}

enum status fat_mkdir(struct fs *fs, const char *path)
{
    return create_as(fs, path, FAT_IS_DIR);
}

/* ERR_NOT_EMPTY: the directory has names. */
static enum status check_empty(struct fat *f, uint32_t first)
{
    struct fat_dir *d;
    bool is_empty = false;
    enum status s = fat_dir_get(f, first, &d);

    if (s == OK)
        s = fat_dir_is_empty(f, d, &is_empty);
    return s == OK && !is_empty ? ERR_NOT_EMPTY : s;
}

static enum status rerename_name(struct fat *f, void *ctx)
{
    struct fat_place p;
    uint32_t first;
    enum status s = fat_lookup_existing(f, ctx, &p);

    if (s)
        return s;
    if (p.entry.bytes[DIR_ATTR] & FAT_READ_ONLY)
        return ERR_READ_ONLY;
    first = fat_first_cluster(f, p.entry.bytes);
    if (fat_is_directory(p.entry.bytes)) {
        if ((s = fat_dir_cluster(f, &p.entry, &first)) != OK ||
            (s = check_empty(f, first)) != OK ||
            (s = fat_dir_get(f, p.dir_first, &p.dir)) != OK)
            return s;
    }
    s = fat_reserve_free(f);
    if (s == OK)
        s = fat_dir_remove(f, p.dir, &p.entry);
    if (s)
        return s;
    f->is_full_logged = false; /* there is room again */
    fat_dir_forget(f, first ? first : UINT32_MAX);
    fat_free_later(f, first);
    return OK;
}

enum status fat_remove(struct fs *fs, const char *path)
{
    struct fat *f = fat_of(fs);
    enum status s = fat_lock_mounted(f, true);

    return s ? s
             : fat_unlock(
                   f, fat_transact(f, rerename_name, (void *)(uintptr_t)path));
}

struct renaming {
    const char *from, *to;
};

static bool is_same_name(const struct fat_name *a, const struct fat_name *b)
{
    return a->len == b->len &&
           memcmp(a->unit, b->unit, a->len * sizeof *a->unit) == 0;
}

/*
 * Replaces the file `to` by the file `from`. The entry of `to` changes from the
 * old file's cluster chain to the new one's in one write of a sector; before
 * that, FAT_STEP_REPLACED removes the name `from`. If the disk has no `to` yet,
 * it is committed first, so that there is an old file to keep.
 */
static enum status replace(struct fat *f, struct fat_place *from,
                           struct fat_place *to)
{
    uint32_t old = fat_first_cluster(f, to->entry.bytes);
    uint32_t first = fat_first_cluster(f, from->entry.bytes);
    uint8_t slot[FAT_SLOT];
    bool is_on_disk = false;
    enum status s;

    if (to->entry.bytes[DIR_ATTR] & FAT_READ_ONLY)
        return ERR_READ_ONLY;
    if ((s = fat_dir_get(f, to->dir_first, &to->dir)) != OK ||
        (s = fat_dir_is_on_disk(f, to->dir, to->entry.slot, &is_on_disk)) != OK)
        return s;
    if (!is_on_disk)
        return ERR_IN_USE;
    memcpy(slot, from->entry.bytes, FAT_SLOT);
    memcpy(slot, to->entry.bytes, FAT_SHORT_BYTES);
    slot[DIR_NT_RES] = to->entry.bytes[DIR_NT_RES];
    if ((s = fat_reserve_free(f)) != OK ||
        (s = fat_dir_change(f, to->dir, to->entry.slot, slot)) != OK ||
        (s = fat_dir_get(f, from->dir_first, &from->dir)) != OK ||
        (s = fat_dir_remove(f, from->dir, &from->entry)) != OK)
        return s;
    fat_dirs_remove_early(f, first);
    if (old != first) /* a power cut may leave one file with both names */
        fat_free_later(f, old);
    return OK;
}

static enum status rename_name(struct fat *f, void *ctx)
{
    const struct renaming *r = ctx;
    struct fat_place from, to;
    uint32_t first = 0;
    struct fat_dir *d;
    bool is_dir;
    enum status s = fat_lookup_existing(f, r->from, &from);

    if (s)
        return s;
    is_dir = fat_is_directory(from.entry.bytes);
    if (is_dir && (s = fat_dir_cluster(f, &from.entry, &first)) != OK)
        return s;
    if ((s = fat_lookup(f, r->to, first, &to)) != OK)
        return s;
    if (to.is_there && (to.dir_first != from.dir_first ||
                        to.entry.slot != from.entry.slot))
        return is_dir || fat_is_directory(to.entry.bytes)
                   ? ERR_EXISTS
                   : replace(f, &from, &to);
    if (to.is_there && is_same_name(&to.name, &from.entry.name))
        return OK;
    if ((s = fat_name_check_new(&to.name)) != OK)
        return s;
    if (is_dir && to.dir_first != from.dir_first) {
        if (f->is_dir_moved)
            return ERR_IN_USE;
        f->is_dir_moved = true;
    }
    s = fat_dir_add(f, to.dir, &to.name, from.entry.bytes);
    if (s == OK)
        s = fat_dir_get(f, from.dir_first, &from.dir);
    if (s == OK)
        s = fat_dir_remove(f, from.dir, &from.entry);
    if (s || !is_dir || to.dir_first == from.dir_first)
        return s;
    s = fat_dir_get(f, first, &d);
    return s ? s : fat_dir_set_parent(f, d, to.dir_first);
}

enum status fat_rename(struct fs *fs, const char *from, const char *to)
{
    struct fat *f = fat_of(fs);
    struct renaming r = {from, to};
    enum status s = fat_lock_mounted(f, true);

    return s ? s : fat_unlock(f, fat_transact(f, rename_name, &r));
}
