/* SPDX-License-Identifier: ISC */
/* One call runs at a time, and is not cancelled halfway. */
#include "fat_transact.h"
#include "fat_commit.h"
#include "fat_dir.h"
#include <mirage/time.h>
#include <string.h>

#define WRITE_AFTER (5 * SECOND) /* from the first change */

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
        fat_dirs_forget(f); /* they are loaded again from the buffers */
    else
        fat_dirs_committed(f);
    f->is_dir_moved = f->is_dir_moved && s;
    return s;
}

/* The fiber that commits changes which the application does not flush. */
static void commit_later(void *ctx)
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
    if (fiber_spawn(&options, commit_later, f, &f->writer) != OK)
        f->writer = NULL; /* the next change tries again */
}

static void roll_back(struct fat *f)
{
    if (f->cache.undo_count == 0 && f->alloc.allocated_count == 0)
        return;
    fat_roll_back(f);
    fat_dirs_forget(f);
    memset(f->chain, 0, sizeof f->chain);
}

/* Logs that a directory is full: ERR_NO_SPACE alone would not tell that the
 * disk has room. */
static void warn_full(struct fat *f)
{
    if (f->full == FAT_NOT_FULL || f->is_full_logged)
        return;
    f->is_full_logged = true;
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

enum status fat_transact(struct fat *f, fat_change_fn *fn, void *ctx)
{
    enum status s = OK;

    if (f->cache.dirty_bytes > FAT_COMMIT_BYTES)
        s = fat_sync(f);
    if (s == OK)
        s = fn(f, ctx);
    if (s)
        roll_back(f);
    if (s == ERR_IN_USE || (s == ERR_NO_SPACE && fat_has_changes(f))) {
        s = fat_sync(f);
        if (s == OK)
            s = fn(f, ctx);
        if (s)
            roll_back(f);
    }
    fat_keep_changes(f);
    if (s == ERR_NO_SPACE)
        warn_full(f);
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
