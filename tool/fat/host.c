/* SPDX-License-Identifier: ISC */
/* The host's side: its folders, and the image as a file of it. */
#define _GNU_SOURCE
#include "fat.h"
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <mirage/drivers.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

char *text_of(const char *fmt, ...)
{
    va_list args;
    char   *text;
    int     len;

    va_start(args, fmt);
    len = vasprintf(&text, fmt, args);
    va_end(args);
    if (len < 0)
        die("out of memory");
    return text;
}

void *room_for(void *array, size_t count, size_t size)
{
    /* Full at each power of two. */
    if (count == 0 || (count & (count - 1)) == 0)
        array = reallocarray(array, count ? 2 * count : 1, size);
    if (!array)
        die("out of memory");
    return array;
}

struct fs *open_image(const char *path, struct block **disk)
{
    struct fs     *fs;
    struct fs_stat st;
    enum status    s =
        block_unix_connect_with(path, "`fat create` makes one", disk);

    if (s)
        die("%s: %s", path, status_text(s));
    s = fat_connect(*disk, &fs);
    if (s == OK)
        s = fs_stat(fs, "", &st);
    if (s)
        die("%s: %s", path, status_text(s));
    return fs;
}

void close_image(struct fs *fs, struct block *disk)
{
    enum status s = disk->info.writable ? fs_flush(fs) : OK;

    if (s)
        die("what was changed cannot be written: %s", status_text(s));
    fs->ops->disconnect(fs);
    disk->ops->disconnect(disk);
}

/* A folder that is being looked through: what is in it, and how far. */
struct folder {
    char           *path, *as;
    struct dirent **entry;
    int             count, next;
    dev_t           device;
    ino_t           inode;
};

/* Those that are in one another, from the one that was asked for on. */
struct walk {
    struct folder *folder;
    size_t         depth;
    host_entry    *fn;
    void          *ctx;
    bool           is_quiet;
};

static nanoseconds modified_of(const struct stat *st)
{
    return st->st_mtime > 0 ? (nanoseconds)st->st_mtime * SECOND : 1;
}

static int is_entry(const struct dirent *e)
{
    return strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
}

/* Byte by byte, whatever the locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* Takes path and as. */
static void enter_folder(struct walk *w, char *path, char *as,
                         const struct stat *st)
{
    struct folder f = {.path = path,
                       .as = as,
                       .device = st->st_dev,
                       .inode = st->st_ino};

    if (*as)
        w->fn(w->ctx, path, as, true, 0, modified_of(st));
    f.count = scandir(path, &f.entry, is_entry, by_name);
    if (f.count < 0)
        die("%s: %s", path, strerror(errno));
    w->folder = room_for(w->folder, w->depth, sizeof f);
    w->folder[w->depth++] = f;
}

static void leave_folder(struct walk *w)
{
    struct folder *f = &w->folder[--w->depth];

    free(f->entry);
    free(f->path);
    free(f->as);
}

static bool is_inside(const char *real, const char *folder)
{
    size_t len = strlen(folder);

    return strncmp(real, folder, len) == 0 &&
           (real[len] == '/' || real[len] == '\0' || strcmp(folder, "/") == 0);
}

/*
 * May the link in a folder be followed? Only to what is in the folder that was
 * asked for, as direct_kv_ro has it, and not to a folder that it is in itself.
 */
static bool is_followed(const struct walk *w, const char *path)
{
    char        real[PATH_MAX], folder[PATH_MAX];
    const char *why = NULL;
    struct stat st;

    if (!realpath(w->folder[0].path, folder))
        die("%s: %s", w->folder[0].path, strerror(errno));
    if (!realpath(path, real) || stat(path, &st) != 0)
        why = strerror(errno);
    else if (!is_inside(real, folder))
        why = "it leads out of the folder";
    for (size_t i = 0; !why && i < w->depth; i++)
        if (w->folder[i].device == st.st_dev && w->folder[i].inode == st.st_ino)
            why = "it leads to a folder that it is in";
    if (why && !w->is_quiet)
        fprintf(stderr, "fat: the link %s is left out: %s\n", path, why);
    return !why;
}

/* Takes path and as. */
static void visit(struct walk *w, char *path, char *as)
{
    struct stat st;

    if (w->depth > 0 && lstat(path, &st) == 0 && S_ISLNK(st.st_mode) &&
        !is_followed(w, path)) {
        free(path);
        free(as);
        return;
    }
    if (stat(path, &st) != 0)
        die("%s: %s", path, strerror(errno));
    if (S_ISDIR(st.st_mode)) {
        enter_folder(w, path, as, &st);
        return;
    }
    if (!S_ISREG(st.st_mode))
        die("%s is neither a file nor a folder", path);
    w->fn(w->ctx, path, as, false, (uint64_t)st.st_size, modified_of(&st));
    free(path);
    free(as);
}

void walk_host(const char *path, const char *as, bool is_quiet, host_entry *fn,
               void *ctx)
{
    struct walk w = {.fn = fn, .ctx = ctx, .is_quiet = is_quiet};

    visit(&w, text_of("%s", path), text_of("%s", as));
    while (w.depth > 0) {
        struct folder *f = &w.folder[w.depth - 1];
        struct dirent *e;

        if (f->next == f->count) {
            leave_folder(&w);
            continue;
        }
        e = f->entry[f->next++];
        visit(&w, text_of("%s/%s", f->path, e->d_name),
              text_of("%s%s%s", f->as, *f->as ? "/" : "", e->d_name));
        free(e);
    }
    free(w.folder);
}
