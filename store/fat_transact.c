/* SPDX-License-Identifier: ISC */
/* Serial calls, and changes that are complete in memory or taken back. */
#include "fat_transact.h"
#include "fat_dir.h"
#include <mirage/time.h>
#include <string.h>

#define WRITE_AFTER (5 * SECOND)

/* Calls come one by one, and nothing cuts them short. */
enum status fat_lock(struct fat *f)
{
    enum status s = fiber_lock(&f->lock, FOREVER);

    if (s)
        return s;
    fiber_shield();
    return OK;
}

enum status fat_unlock(struct fat *f, enum status s)
{
    fiber_unshield();
    fiber_unlock(&f->lock);
    return s;
}

enum status fat_sync(struct fat *f)
{
    enum status s = fat_commit(f);

    if (s)
        fat_dirs_forget(f); /* how far the disk is, the pieces know */
    else
        fat_dirs_committed(f);
    f->is_dir_moved = f->is_dir_moved && s;
    return s;
}

/* Nobody asked for it, but a power cut should not cost all. */
static void write_later(void *ctx)
{
    struct fat *f = ctx;

    while (time_sleep(WRITE_AFTER) == OK && fat_lock(f) == OK) {
        bool is_done = fat_unlock(f, fat_sync(f)) == OK;

        if (is_done)
            break;
    }
    f->is_writer_done = true;
}

static void start_writer(struct fat *f)
{
    static const struct fiber_options options = {.name = "fat"};

    if (f->writer && f->is_writer_done &&
        fiber_join(f->writer, FOREVER) == OK)
        f->writer = NULL;
    if (f->writer)
        return;
    f->is_writer_done = false;
    if (fiber_spawn(&options, write_later, f, &f->writer) != OK)
        f->writer = NULL; /* the next change tries again */
}

static void take_back(struct fat *f)
{
    if (f->undo_count == 0 && f->taken_count == 0)
        return;
    fat_take_back(f);
    fat_dirs_forget(f);
    memset(f->trail, 0, sizeof f->trail);
}

/* A disk that is full can be seen; a directory that is full has room beside. */
static void tell_full(struct fat *f)
{
    if (f->full == FAT_NOT_FULL || f->is_full_told)
        return;
    f->is_full_told = true;
    if (f->full == FAT_ROOT_FULL)
        log_warning(&fat, "the root directory is full: it has %u slots, and a "
                          "name takes one and another for each 13 characters; "
                          "a directory in it can take more, and so can the "
                          "root of FAT32 (`fat create --type=32`)",
                    (unsigned)fat_root_slots(&f->l));
    else
        log_warning(&fat, "a directory is full: FAT lets none have more than "
                          "65536 slots, and a name takes one and another for "
                          "each 13 characters; use several directories");
}

/*
 * Makes a change, as a whole or not at all. What is in the way may be gone
 * once what came before is on the disk.
 */
enum status fat_transact(struct fat *f, fat_change_fn *fn, void *ctx)
{
    enum status s = OK;

    if (f->changed > FAT_CHANGED)
        s = fat_sync(f);
    if (s == OK)
        s = fn(f, ctx);
    if (s)
        take_back(f);
    if (s == ERR_IN_USE || (s == ERR_NO_SPACE && fat_has_changes(f))) {
        s = fat_sync(f);
        if (s == OK)
            s = fn(f, ctx);
        if (s)
            take_back(f);
    }
    fat_done(f);
    if (s == ERR_NO_SPACE)
        tell_full(f);
    f->full = FAT_NOT_FULL;
    if (s == OK && fat_has_changes(f))
        start_writer(f);
    return s;
}

enum status fat_lock_mounted(struct fat *f, bool to_change)
{
    enum status s = to_change && !f->block->info.writable ? ERR_READ_ONLY
                                                          : fat_lock(f);

    if (s == OK && f->unusable)
        return fat_unlock(f, f->unusable);
    return s;
}
