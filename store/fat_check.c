/* SPDX-License-Identifier: ISC */
/*
 * Checks a whole file system: each name's cluster chain, then clusters that no
 * chain has, then the copies of the FAT and FSInfo. A cluster is visited once,
 * so a chain or a directory that is a loop ends where it was visited before.
 */
#include "fat_check.h"
#include "fat_dir.h"
#include "fat_table.h"
#include <mirage/fat.h>
#include <mirage/text.h>
#include <stdlib.h>
#include <string.h>

#define DEEP 1024 /* levels of directories that are checked */

struct check {
    struct fat *f;
    void (*fault)(void *ctx, const char *text);
    void *ctx;
    struct fat_count *count;
    uint64_t *visited; /* a bit for each cluster */
    char path[FS_PATH + FAT_NAME_BYTES];
    size_t path_len;
};

/* A directory being checked, and its next slot. */
struct level {
    uint32_t first, slot;
    size_t path_len;
};

static void fault(struct check *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void fault(struct check *c, const char *fmt, ...)
{
    char text[512];
    size_t len = 0;
    va_list args;

    if (c->path_len > 0)
        len = text_format(text, 256, "%s: ", c->path);
    if (len > 255)
        len = 255;
    va_start(args, fmt);
    text_vformat(text + len, sizeof text - len, fmt, args);
    va_end(args);
    c->count->faults++;
    c->fault(c->ctx, text);
}

/* Marks a cluster as visited. false: it was before. */
static bool visit_cluster(struct check *c, uint32_t cluster)
{
    uint32_t i = cluster - FAT_FIRST;
    uint64_t bit = (uint64_t)1 << i % 64;

    if (c->visited[i / 64] & bit)
        return false;
    c->visited[i / 64] |= bit;
    return true;
}

/* Visits the clusters of a chain, as far as it can be followed. */
static enum status visit_chain(struct check *c, uint32_t first,
                               uint32_t *length)
{
    uint32_t at = first, next;
    enum status s = OK;

    for (*length = 0; at != 0; at = next) {
        if (fiber_is_cancelled())
            return ERR_CANCELLED;
        if (!fat_is_cluster(&c->f->l, at)) {
            fault(c, "it leads to cluster %u, which is none", (unsigned)at);
            break;
        }
        if (!visit_cluster(c, at)) {
            fault(c, "cluster %u has another file as well", (unsigned)at);
            break;
        }
        ++*length;
        s = fat_next_cluster(c->f, at, &next);
        if (s == ERR_CORRUPT) {
            fault(c, "its chain breaks off after cluster %u", (unsigned)at);
            return OK;
        }
        if (s)
            return s;
    }
    return OK;
}

static enum status check_file(struct check *c, const struct fat_entry *e)
{
    uint32_t size = fat_size(e->bytes), length, wanted;
    enum status s = visit_chain(c, fat_first_cluster(c->f, e->bytes), &length);

    wanted = (uint32_t)(((uint64_t)size + c->f->l.cluster_size - 1) /
                        c->f->l.cluster_size);
    if (s == OK && length != wanted)
        fault(c, "%u bytes in %u clusters", (unsigned)size, (unsigned)length);
    c->count->files++;
    return s;
}

/* Visits the clusters of a directory. *is_sound: its names can be checked. */
static enum status check_chain(struct check *c, const struct fat_entry *e,
                               bool *is_sound)
{
    uint32_t first = fat_first_cluster(c->f, e->bytes), length;
    uint32_t faults = c->count->faults;
    struct fat_dir *d;
    enum status s = OK;

    if (first == 0)
        fault(c, "a directory without a cluster");
    else if (fat_size(e->bytes) != 0)
        fault(c, "a directory with a size");
    else
        s = visit_chain(c, first, &length);
    *is_sound = false;
    if (s || faults != c->count->faults)
        return s;
    s = fat_dir_get(c->f, first, &d);
    if (s == ERR_CORRUPT) {
        fault(c, "a directory that cannot be read");
        return OK;
    }
    c->count->directories++;
    *is_sound = s == OK;
    return s;
}

/* Reads the next entry of a directory. ERR_EOF: there is none. */
static enum status next_entry(struct check *c, struct level *l,
                              struct fat_entry *e)
{
    struct fat_dir *d;
    enum status s = fat_dir_get(c->f, l->first, &d);

    if (s == OK)
        s = fat_dir_next(c->f, d, &l->slot, e);
    if (s)
        return s;
    c->path_len = l->path_len;
    if (c->path_len > 0)
        c->path[c->path_len++] = '/';
    if (!fat_name_text(&e->name, c->path + c->path_len)) {
        c->path[c->path_len] = '?';
        c->path[c->path_len + 1] = '\0';
        fault(c, "a name that no path can hold");
    }
    c->path_len += strlen(c->path + c->path_len);
    return OK;
}

static enum status check_names(struct check *c)
{
    struct level *level = malloc(DEEP * sizeof *level);
    size_t depth = 1;
    enum status s = level ? OK : ERR_NO_MEMORY;

    if (s == OK)
        level[0] = (struct level){0, 0, 0};
    while (s == OK && depth > 0) {
        struct fat_entry e;
        bool is_sound;

        s = next_entry(c, &level[depth - 1], &e);
        if (s == ERR_EOF) {
            depth--;
            s = OK;
        } else if (s == OK && !fat_is_directory(e.bytes)) {
            s = check_file(c, &e);
        } else if (s == OK) {
            s = check_chain(c, &e, &is_sound);
            if (s == OK && is_sound && depth < DEEP && c->path_len < FS_PATH)
                level[depth++] = (struct level){
                    fat_first_cluster(c->f, e.bytes), 0, c->path_len};
            else if (s == OK && is_sound)
                fault(c, "too deep to be looked into");
        }
    }
    free(level);
    c->path_len = 0;
    return s;
}

/* Finds clusters that are neither free nor in any chain. */
static enum status check_lost(struct check *c)
{
    uint32_t lost = 0, v;
    enum status s = OK;

    for (uint32_t i = 0; s == OK && i < c->f->l.clusters; i++) {
        s = fiber_is_cancelled() ? ERR_CANCELLED
                                 : fat_table_get(c->f, i + FAT_FIRST, &v);
        if (s || v == 0)
            continue;
        c->count->used++;
        if (!(c->visited[i / 64] >> i % 64 & 1) && !fat_is_bad(c->f, v))
            lost++;
    }
    if (lost > 0)
        fault(c, "%u clusters are neither free nor any file's",
              (unsigned)lost);
    return s;
}

static enum status check_copies(struct check *c)
{
    const struct fat_layout *l = &c->f->l;
    uint8_t *a = malloc(2 * (size_t)l->sector_size);
    uint32_t differ = 0;
    enum status s = a ? OK : ERR_NO_MEMORY;

    for (uint32_t i = 0; s == OK && l->tables > 1 && i < l->table_used; i++) {
        if (fiber_is_cancelled())
            s = ERR_CANCELLED;
        if (s)
            break;
        s = block_read(c->f->block, l->table + i, a, 1);
        if (s == OK)
            s = block_read(c->f->block, l->table + l->table_size + i,
                           a + l->sector_size, 1);
        differ += s == OK && memcmp(a, a + l->sector_size, l->sector_size) != 0;
    }
    if (differ > 0)
        fault(c, "the copies of the table differ in %u sectors",
              (unsigned)differ);
    if (s == OK && l->info != 0) {
        s = block_read(c->f->block, l->info, a, 1);
        if (s == OK && fat_get32(a + FSI_FREE_COUNT) != FSI_UNKNOWN &&
            fat_get32(a + FSI_FREE_COUNT) != l->clusters - c->count->used)
            fault(c, "%u clusters are free, and not %u",
                  (unsigned)(l->clusters - c->count->used),
                  (unsigned)fat_get32(a + FSI_FREE_COUNT));
    }
    free(a);
    return s;
}

enum status fat_check_all(struct fat *f,
                          void (*say)(void *ctx, const char *text), void *ctx,
                          struct fat_count *count)
{
    struct check *c = calloc(1, sizeof *c);
    enum status s = ERR_NO_MEMORY;
    uint32_t length;

    *count = (struct fat_count){.directories = 1, .clusters = f->l.clusters};
    if (c)
        c->visited =
            calloc(((size_t)f->l.clusters + 63) / 64, sizeof *c->visited);
    if (c && c->visited) {
        c->f = f;
        c->fault = say;
        c->ctx = ctx;
        c->count = count;
        s = f->l.type == FAT32 ? visit_chain(c, f->l.root_cluster, &length)
                               : OK;
        if (s == OK)
            s = check_names(c);
        if (s == OK)
            s = check_lost(c);
        if (s == OK)
            s = check_copies(c);
        free(c->visited);
    }
    free(c);
    return s;
}
