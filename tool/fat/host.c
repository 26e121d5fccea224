/* SPDX-License-Identifier: ISC */
/* The host's side: its folders, and the image as a file of it. */
#define _GNU_SOURCE
#include "fat.h"
#include <dirent.h>
#include <errno.h>
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

struct fs *open_image(const char *path, struct block **disk)
{
    struct fs     *fs;
    struct fs_stat st;
    enum status    s = block_unix_connect(path, disk);

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

static int is_entry(const struct dirent *e)
{
    return strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
}

/* Byte by byte, whatever the locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void walk_folder(const char *path, const char *as, host_entry *fn,
                        void *ctx)
{
    struct dirent **entry;
    int             count = scandir(path, &entry, is_entry, by_name);

    if (count < 0)
        die("%s: %s", path, strerror(errno));
    for (int i = 0; i < count; i++) {
        char *below = text_of("%s/%s", path, entry[i]->d_name);
        char *name = text_of("%s%s%s", as, *as ? "/" : "", entry[i]->d_name);

        walk_host(below, name, fn, ctx);
        free(below);
        free(name);
        free(entry[i]);
    }
    free(entry);
}

void walk_host(const char *path, const char *as, host_entry *fn, void *ctx)
{
    struct stat st;
    nanoseconds modified;

    if (stat(path, &st) != 0)
        die("%s: %s", path, strerror(errno));
    modified = st.st_mtime > 0 ? (nanoseconds)st.st_mtime * SECOND : 1;
    if (S_ISDIR(st.st_mode)) {
        if (*as)
            fn(ctx, path, as, true, 0, modified);
        walk_folder(path, as, fn, ctx);
    } else if (S_ISREG(st.st_mode)) {
        fn(ctx, path, as, false, (uint64_t)st.st_size, modified);
    } else {
        die("%s is neither a file nor a folder", path);
    }
}
