/* SPDX-License-Identifier: ISC */
/* Folders of the host, and images as its files. */
#define _GNU_SOURCE
#include "fat.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mirage/drivers.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/openat2.h>
#include <sys/syscall.h>
#endif
#define SECTOR 512u
#ifndef O_PATH
#define O_PATH O_RDONLY
#endif

char *clean_path(const char *path)
{
    char *clean = text_of("%s", path), *to = clean;

    while (*path) {
        size_t len = strcspn(path, "/");

        if (len > 0 && !(len == 1 && *path == '.')) {
            if (to > clean)
                *to++ = '/';
            memcpy(to, path, len);
            to += len;
        }
        path += len + (path[len] == '/');
    }
    *to = '\0';
    return clean;
}

char *host_path(const char *path)
{
    char *clean = clean_path(path), *whole;
    struct stat st;

    if (stat(path, &st) != 0)
        die("%s: %s", path, strerror(errno));
    whole = text_of("%s%s", *path == '/' ? "/" : *clean ? ""
                                                        : ".",
                    clean);
    free(clean);
    return whole;
}

/* Refuses a file whose size is not a multiple of a sector. The block driver
 * would advise to pad it, but it may be any file, and no disk. */
static void check_sectors(const char *path)
{
    uint8_t b[SECTOR] = {0};
    struct stat st;
    int fd;
    bool is_boot;

    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode) ||
        st.st_size % SECTOR == 0)
        return;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    is_boot = fd >= 0 && read(fd, b, sizeof b) == (ssize_t)sizeof b &&
              b[510] == 0x55 && b[511] == 0xaa;
    if (fd >= 0)
        close(fd);
    if (is_boot)
        die("%s has %lld bytes, which are no whole sectors of %u: it begins "
            "with a boot sector, and its end may have been cut off",
            path, (long long)st.st_size, SECTOR);
    die("%s is no image of a disk: it has %lld bytes, which are no whole "
        "sectors of %u, and no boot sector",
        path, (long long)st.st_size, SECTOR);
}

struct fs *open_image(const char *path, struct block **disk)
{
    struct fs *fs;
    struct fs_stat st;
    enum status s;

    check_sectors(path);
    s = block_unix_connect_with(path, "`fat create` makes one", disk);
    if (s)
        die("%s: %s", path, status_text(s));
    s = fat_connect(*disk, &fs);
    if (s == OK)
        s = fs_stat(fs, "", &st);
    if (s == ERR_FORMAT)
        die("%s is no image of a FAT file system", path);
    if (s)
        die("%s: %s", path, status_text(s));
    return fs;
}

void close_image(struct fs *fs, struct block *disk)
{
    enum status s = disk->info.writable ? fs_flush(fs) : OK;

    if (s)
        die("what was changed cannot be written: %s", status_text(s));
    fs_disconnect(fs);
    block_disconnect(disk);
}

/* A folder that is being walked: its entries, and the next one. */
struct folder {
    char *path, *as;
    struct dirent **entry;
    int count, next;
    dev_t device;
    ino_t inode;
};

/* The folders from the one that walk_host was given to the present one. */
struct walk {
    struct folder *folder;
    size_t depth;
    host_entry *fn;
    void *ctx;
};

static nanoseconds modified_of(const struct stat *st)
{
    return st->st_mtime > 0 ? (nanoseconds)st->st_mtime * SECOND : 1;
}

static int is_entry(const struct dirent *e)
{
    return strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
}

/* By bytes, whatever the locale. */
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

#ifdef SYS_openat2
/* Opens a path without leaving the folder. -1, with errno. */
static int open_beneath(const char *folder, const char *path)
{
    struct open_how how = {
        .flags = O_PATH | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    int at = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC), fd = -1;

    if (at >= 0) {
        fd = (int)syscall(SYS_openat2, at, path, &how, sizeof how);
        close(at);
    }
    return fd;
}
#else
static int open_beneath(const char *folder, const char *path)
{
    (void)folder, (void)path;
    errno = ENOSYS;
    return -1;
}
#endif

/* Does the same by resolved names, for systems without openat2. */
static bool is_named_beneath(const char *folder, const char *path)
{
    char top[PATH_MAX], end[PATH_MAX], link[2];
    size_t len = realpath(folder, top) ? strlen(top) : 0;
    ssize_t n = readlink(path, link, sizeof link);

    return len > 0 && realpath(path, end) && strncmp(end, top, len) == 0 &&
           end[len] == '/' && n > 0 && link[0] != '/';
}

/*
 * Refuses a symbolic link that leads out of the folder that walk_host was
 * given, as direct_kv_ro does: the image would get other files of the host.
 */
static void check_link(const struct walk *w, const char *path)
{
    const char *folder = w->folder[0].path;
    int fd = open_beneath(folder, path + strlen(folder) + 1);

    if (fd >= 0) {
        close(fd);
        return;
    }
    if ((errno == ENOSYS || errno == EPERM || errno == EACCES) &&
        is_named_beneath(folder, path))
        return;
    die("%s is a link that leads out of the folder %s. Copy into it what the "
        "image needs.",
        path, folder);
}

/* Refuses a link to a folder that is being walked. */
static void check_above(const struct walk *w, const char *path,
                        const struct stat *st)
{
    for (size_t i = 0; i < w->depth; i++)
        if (w->folder[i].device == st->st_dev &&
            w->folder[i].inode == st->st_ino)
            die("%s is a link to a folder that it lies in", path);
}

/* Takes path and as. */
static void visit(struct walk *w, char *path, char *as)
{
    struct stat st, link;

    if (stat(path, &st) != 0)
        die("%s: %s", path, strerror(errno));
    if (S_ISDIR(st.st_mode))
        check_above(w, path, &st);
    if (w->depth > 0 && lstat(path, &link) == 0 && S_ISLNK(link.st_mode))
        check_link(w, path);
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

void walk_host(const char *path, const char *as, host_entry *fn, void *ctx)
{
    struct walk w = {.fn = fn, .ctx = ctx};

    visit(&w, host_path(path), text_of("%s", as));
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
