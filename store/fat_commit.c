/* SPDX-License-Identifier: ISC */
/*
 * Each step is computed from the bytes on the disk (old) and the final ones
 * (now) of a buffer, so a commit that failed is simply repeated.
 */
#include "fat_commit.h"
#include "fat_alloc.h"
#include "fat_copies.h"
#include "fat_dir.h"
#include "fat_marks.h"
#include "fat_table.h"
#include <stdlib.h>
#include <string.h>

#define STEPS FAT_STEPS

/* The buffer as it shall be after the step; it may be made in f->step. */
static const uint8_t *at_step(struct fat *f, const struct fat_buffer *p,
                              int step)
{
    if (step == STEPS || (step == 1 && p->is_unlinked))
        return p->now;
    if (step == 1)
        return p->old;
    if (p->kind == FAT_TABLE)
        fat_table_step(f, p, step, f->step);
    else
        fat_dir_step(p, fat_buffer_size(f, p), step, f->step);
    return f->step;
}

/* Writes the sectors of `wanted` that differ from those on the disk. */
static enum status write_buffer(struct fat *f, const struct fat_buffer *p,
                                const uint8_t *wanted, uint64_t sector)
{
    uint32_t size = f->l.sector_size;
    enum status s = OK;

    for (uint32_t i = 0, n; s == OK && i < p->count; i += n) {
        n = 0;
        while (i + n < p->count && memcmp(wanted + (size_t)(i + n) * size,
                                          p->old + (size_t)(i + n) * size,
                                          size) != 0)
            n++;
        if (n > 0)
            s = fat_write_data(f, sector + i, wanted + (size_t)i * size, n);
        else
            n = 1;
    }
    return s;
}

/* Writes a buffer of the FAT to each copy from `copy` on. */
static enum status write_copies(struct fat *f, const struct fat_buffer *p,
                                const uint8_t *wanted, uint32_t copy)
{
    enum status s = OK;

    if (p->kind == FAT_DIRECTORY)
        return write_buffer(f, p, wanted, p->sector);
    for (; s == OK && copy < f->l.tables; copy++)
        s = write_buffer(f, p, wanted,
                         p->sector + (uint64_t)copy * f->l.table_size);
    return s;
}

/*
 * Writes a step of FAT12 that changes links which lie in two sectors: half of a
 * link leads to any cluster. The second copy is written first; then the first,
 * marked as invalid by FAT_TORN_MARK while that lasts, so that after a power
 * cut fat_choose_copy takes the second.
 */
static enum status write_torn(struct fat *f, int step)
{
    struct fat_buffer *start;
    enum status s = fat_buffer_get(
        f, f->l.table, fat_table_buffer_sectors(&f->l), FAT_TABLE, &start);
    uint8_t *first = s ? NULL : malloc(f->l.sector_size);

    if (!first)
        return s ? s : ERR_NO_MEMORY;
    for (struct fat_buffer *p = f->cache.newest; p && s == OK; p = p->older)
        if (p->old && p->kind == FAT_TABLE)
            s = write_copies(f, p, at_step(f, p, step), 1);
    if (s == OK)
        s = fat_barrier(f);
    memcpy(first, start->old ? start->old : start->now, f->l.sector_size);
    first[0] = 0;
    first[1] &= 0xf0;
    if (s == OK)
        s = fat_write_data(f, f->l.table, first, 1);
    if (s == OK)
        s = fat_barrier(f);
    /* The first sector, which makes the copy valid again, is written last. */
    for (struct fat_buffer *p = f->cache.newest; p && s == OK; p = p->older) {
        const uint8_t *wanted = p->old ? at_step(f, p, step) : NULL;

        if (!wanted || p->kind != FAT_TABLE)
            continue;
        if (p == start)
            s = fat_write_data(f, p->sector + 1, wanted + f->l.sector_size,
                               p->count - 1);
        else
            s = write_buffer(f, p, wanted, p->sector);
    }
    if (s == OK)
        s = fat_barrier(f);
    if (s == OK)
        s = fat_write_data(f, f->l.table,
                           start->old ? at_step(f, start, step) : start->now,
                           1);
    free(first);
    return s;
}

static bool has_torn(const struct fat *f, int step)
{
    if ((step != FAT_STEP_LINKS && step != FAT_STEP_CUTS) ||
        f->l.type != FAT12 || f->l.tables < 2 || !f->copies.are_alike)
        return false;
    for (const struct fat_buffer *p = f->cache.newest; p; p = p->older)
        if (p->old && p->kind == FAT_TABLE && fat_is_torn(f, p, step))
            return true;
    return false;
}

static enum status write_step(struct fat *f, int step)
{
    bool is_torn = has_torn(f, step);
    enum status s = is_torn ? write_torn(f, step) : OK;

    for (struct fat_buffer *p = f->cache.newest; p && s == OK; p = p->older)
        if (p->old && (p->kind == FAT_DIRECTORY || !is_torn))
            s = write_copies(f, p, at_step(f, p, step), 0);
    return s;
}

/* Notes that the step is on the disk. */
static void note_written(struct fat *f, int step)
{
    for (struct fat_buffer *p = f->cache.newest; p; p = p->older) {
        const uint8_t *is = p->old ? at_step(f, p, step) : NULL;

        if (!is)
            continue;
        if (step == STEPS)
            fat_buffer_written(f, p);
        else if (is != p->old)
            memcpy(p->old, is, fat_buffer_size(f, p));
        p->is_unlinked = false;
    }
}

static enum status commit_step(struct fat *f, int step)
{
    enum status s = OK;

    if (step == STEPS)
        s = fat_free_chains(f);
    if (s == OK)
        s = write_step(f, step);
    if (s == OK && step == STEPS)
        s = fat_write_info(f);
    if (s == OK)
        s = fat_barrier(f);
    if (s == OK)
        note_written(f, step);
    return s;
}

/*
 * Marks the volume as in use before the first change, and clears the marks
 * after the last. Marks that were there when it was opened stay, since nothing
 * has checked the volume.
 */
static enum status mark(struct fat *f, bool in_use)
{
    enum status s;

    if (f->was_in_use)
        return OK;
    s = fat_mark_table(f, in_use);
    fat_keep_changes(f);
    if (s == OK && !in_use)
        s = write_step(f, STEPS);
    if (s == OK)
        s = fat_mark_boot(f, in_use);
    if (s == OK && !in_use)
        note_written(f, STEPS);
    if (s == OK)
        f->is_marked = in_use;
    return s;
}

enum status fat_commit(struct fat *f)
{
    enum status s = OK;

    if (!fat_has_changes(f))
        return fat_barrier(f);
    s = fat_prepare_copies(f);
    if (s == OK && !f->is_marked)
        s = mark(f, true);
    for (int step = 1; s == OK && step <= STEPS; step++)
        s = commit_step(f, step);
    if (s == OK) {
        fat_chains_freed(f);
        s = mark(f, false);
    }
    if (s)
        log_warning(&fat, "changes are not on the disk yet: %s",
                    status_text(s));
    return s;
}
