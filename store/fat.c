/* SPDX-License-Identifier: ISC */
/*
 * The FAT file system (Microsoft's "FAT: General Overview of On-Disk Format",
 * 1.03): opening and closing one, formatting, and the calls of mirage/fat.h.
 */
#include "fat_alloc.h"
#include "fat_calls.h"
#include "fat_check.h"
#include "fat_copies.h"
#include "fat_dir.h"
#include "fat_marks.h"
#include "fat_path.h"
#include "fat_transact.h"
#include <mirage/buf.h>
#include <mirage/random.h>
#include <stdlib.h>
#include <string.h>

static enum status flush(struct fs *fs)
{
    struct fat *f = fat_of(fs);
    enum status s = fat_lock(f);

    /* Without a file system there is nothing to write. */
    return s ? s : fat_unlock(f, f->unusable ? OK : fat_sync(f));
}

/* Chooses the copy of the FAT, and reads the marks. Writes nothing. */
static enum status read_state(struct fat *f)
{
    enum status s = fat_choose_copy(f);

    if (s == OK)
        s = fat_is_in_use(f, &f->was_in_use);
    if (s == OK && f->was_in_use)
        log_warning(&fat, "the disk was in use when its image ended; the mark "
                          "of that stays until `fsck.fat -a` has freed what "
                          "was lost and cleared it");
    return s;
}

static enum status mount(struct fat *f)
{
    uint8_t *boot = malloc(f->block->info.sector_size);
    const char *why = "the disk is too small";
    enum status s = boot ? OK : ERR_NO_MEMORY;

    f->unusable = ERR_FORMAT;
    if (s == OK && f->block->info.sectors > 0) {
        s = block_read(f->block, 0, boot, 1);
        if (s == OK)
            f->unusable = fat_layout_parse(boot, f->block->info.sectors,
                                           f->block->info.sector_size, &f->l,
                                           &why);
    }
    if (s == OK && f->unusable)
        log_error(&fat,
                  "there is no FAT file system that can be used: %s; "
                  "fs_format makes a new one, as does `fat create`",
                  why);
    if (s == OK && f->unusable == OK) {
        log_info(&fat, "FAT%d, %u clusters of %u bytes", (int)f->l.type,
                 (unsigned)f->l.clusters, (unsigned)f->l.cluster_size);
        s = read_state(f);
    }
    free(boot);
    return s;
}

static enum status format(struct fs *fs)
{
    struct fat *f = fat_of(fs);
    enum status s = fat_lock(f);

    if (s)
        return s;
    if (f->block->info.writable) {
        fat_forget_all(f);
        fat_dirs_forget(f);
    }
    s = fat_format(f->block, NULL);
    if (s == OK)
        s = mount(f);
    else if (s != ERR_READ_ONLY)
        f->unusable = ERR_FORMAT;
    return fat_unlock(f, s);
}

static void free_fat(struct fat *f)
{
    fat_forget_all(f);
    fat_dirs_forget(f);
    if (f->zeros)
        page_free(f->zeros, FAT_ZEROS / PAGE_BYTES);
    free(f->alloc.to_free);
    free(f->bounce);
    free(f->step);
    free(f);
}

static void disconnect(struct fs *fs)
{
    struct fat *f = fat_of(fs);

    fiber_shield();
    if (f->writer) {
        fiber_cancel(f->writer);
        if (fiber_join(f->writer, FOREVER) != OK)
            log_error(&fat, "its fiber does not end");
    }
    if (fs->ops->flush(fs) != OK)
        log_error(&fat, "what was not on the disk yet is lost");
    fiber_unshield();
    free_fat(f);
}

static const struct fs_ops fat_ops = {
    .stat = fat_stat,
    .list = fat_list,
    .read = fat_read,
    .write = fat_write,
    .truncate = fat_truncate,
    .create = fat_create,
    .mkdir = fat_mkdir,
    .remove = fat_remove,
    .rename = fat_rename,
    .format = format,
    .flush = flush,
    .disconnect = disconnect,
};

enum status fat_connect(struct block *block, struct fs **fs)
{
    size_t size = block->info.sector_size;
    struct fat *f = calloc(1, sizeof *f);
    enum status s;

    if (!f)
        return ERR_NO_MEMORY;
    f->fs.ops = &fat_ops;
    f->block = block;
    f->bounce_sector = FAT_NO_SECTOR;
    f->bounce = malloc(size);
    f->step = malloc(size > 1365 ? 3 * size : 4096);
    f->zeros = page_alloc(FAT_ZEROS / PAGE_BYTES);
    random_bytes(&f->seed, sizeof f->seed);
    s = f->bounce && f->step && f->zeros ? mount(f) : ERR_NO_MEMORY;
    if (s) {
        free_fat(f);
        return s;
    }
    *fs = &f->fs;
    return OK;
}

/* Checks the fs of a call that only FAT has: it may be any. */
static bool is_fat(const struct fs *fs, const char *call)
{
    if (fs->ops == &fat_ops)
        return true;
    log_error(&fat, "%s was called for a file system that is not FAT", call);
    return false;
}

enum status fat_spelling(struct fs *fs, const char *path,
                         char name[FAT_FOLDED])
{
    struct fat *f = fat_of(fs);
    struct fat_place p;
    enum status s =
        is_fat(fs, __func__) ? fat_lock_mounted(f, false) : ERR_UNSUPPORTED;

    if (s)
        return s;
    s = fat_lookup_existing(f, path, &p);
    if (s == OK && (p.name.len == 0 || !fat_name_text(&p.entry.name, name)))
        s = ERR_NAME;
    return fat_unlock(f, s);
}

void fat_set_time(struct fs *fs, nanoseconds now)
{
    if (is_fat(fs, __func__))
        fat_of(fs)->fixed_time = now;
}

enum status fat_room(struct fs *fs, uint64_t *bytes, uint32_t *cluster_size)
{
    struct fat *f = fat_of(fs);
    enum status s =
        is_fat(fs, __func__) ? fat_lock_mounted(f, false) : ERR_UNSUPPORTED;

    if (s)
        return s;
    s = fat_count_free(f);
    if (s == OK)
        *bytes = (uint64_t)f->alloc.free * f->l.cluster_size;
    if (s == OK && cluster_size)
        *cluster_size = f->l.cluster_size;
    return fat_unlock(f, s);
}

enum status fat_check(struct fs *fs, void (*fault)(void *ctx, const char *text),
                      void *ctx, struct fat_count *count)
{
    struct fat *f = fat_of(fs);
    enum status s =
        is_fat(fs, __func__) ? fat_lock_mounted(f, false) : ERR_UNSUPPORTED;

    return s ? s : fat_unlock(f, fat_check_all(f, fault, ctx, count));
}
