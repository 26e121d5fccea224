/* SPDX-License-Identifier: ISC */
/* fat list, extract and check. */
#define _GNU_SOURCE
#include "fat.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BUFFER  ((size_t)1 << 20)
#define NO_DATE 315532800 /* 1980-01-01: FAT's value for an unknown time */

/* An error with one file does not prevent the others from being copied. */
static bool has_failed;

static void complain(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));

static void complain(const char *fmt, ...)
{
    va_list args;

    has_failed = true;
    va_start(args, fmt);
    print_message(fmt, args);
    va_end(args);
}

/* A directory that is being walked: its entries, and the next one. */
struct entry {
    char *name;
    struct fs_stat st;
};

struct level {
    char *path;
    struct entry *entry;
    size_t count, next;
};

/* Called for each entry; false: its contents are left out. */
typedef bool visit_fn(void *ctx, const char *path, const struct fs_stat *st);

/* The directories from the one given to the present one, and the ids of all
 * that were visited: a damaged disk may have one twice, or inside itself. */
struct walk {
    struct fs *fs;
    struct level *level;
    size_t depth;
    uint64_t *visited; /* a hash table of ids plus 1; 0: free */
    size_t visited_count, visited_room;
};

static bool add_entry(void *ctx, const char *name, const struct fs_stat *st)
{
    struct level *l = ctx;

    l->entry = room_for(l->entry, l->count, sizeof *l->entry);
    l->entry[l->count++] = (struct entry){text_of("%s", name), *st};
    return true;
}

static uint64_t *place_of(const struct walk *w, uint64_t mark)
{
    size_t i = (size_t)(mark * 0x9e3779b97f4a7c15u >> 20);

    while (w->visited[i & (w->visited_room - 1)] != 0 &&
           w->visited[i & (w->visited_room - 1)] != mark)
        i++;
    return &w->visited[i & (w->visited_room - 1)];
}

static void make_visited_room(struct walk *w)
{
    uint64_t *old = w->visited;
    size_t room = w->visited_room;

    if (2 * (w->visited_count + 1) <= room)
        return;
    w->visited_room = room ? 2 * room : 64;
    w->visited = calloc(w->visited_room, sizeof *w->visited);
    if (!w->visited)
        die("out of memory");
    for (size_t i = 0; i < room; i++)
        if (old[i] != 0)
            *place_of(w, old[i]) = old[i];
    free(old);
}

static bool is_visited(struct walk *w, uint64_t id)
{
    uint64_t *at;

    make_visited_room(w);
    at = place_of(w, id + 1);
    if (*at != 0)
        return true;
    *at = id + 1;
    w->visited_count++;
    return false;
}

/* Takes path. */
static void enter(struct walk *w, char *path, uint64_t id)
{
    struct level l = {.path = path};
    const char *name = *path ? path : "/";
    enum status s;

    if (is_visited(w, id)) {
        complain("%s: the disk is damaged: this directory is in another place "
                 "as well, and is left out here",
                 name);
        free(path);
        return;
    }
    s = fs_list(w->fs, path, add_entry, &l);
    if (s == ERR_CANCELLED || s == ERR_GONE)
        die("%s: %s", name, status_text(s));
    if (s) /* the entries that were read are walked all the same */
        complain("%s: %s", name, status_text(s));
    w->level = room_for(w->level, w->depth, sizeof l);
    w->level[w->depth++] = l;
}

/* Calls fn for each file and directory below a directory, a directory before
 * its contents. */
static void walk(struct fs *fs, const char *dir, visit_fn *fn, void *ctx)
{
    struct walk w = {.fs = fs};
    struct fs_stat st;
    enum status s = fs_stat(fs, dir, &st);

    if (s == OK && !st.directory)
        s = ERR_NOT_DIRECTORY;
    if (s)
        die("%s: %s", *dir ? dir : "/", status_text(s));
    enter(&w, text_of("%s", dir), st.id);
    while (w.depth > 0) {
        struct level *l = &w.level[w.depth - 1];
        struct entry e;
        char *path;

        if (l->next == l->count) {
            free(l->entry);
            free(l->path);
            w.depth--;
            continue;
        }
        e = l->entry[l->next++];
        path = text_of("%s%s%s", l->path, *l->path ? "/" : "", e.name);
        free(e.name);
        if (fn(ctx, path, &e.st) && e.st.directory)
            enter(&w, path, e.st.id);
        else
            free(path);
    }
    free(w.level);
    free(w.visited);
}

static bool print(void *ctx, const char *path, const struct fs_stat *st)
{
    time_t seconds = NO_DATE;
    struct tm tm;
    char date[32], *text = text_of("%s", path);

    (void)ctx;
    hide_controls(text, STDOUT_FILENO);
    if (st->modified)
        seconds = (time_t)(st->modified / SECOND);
    gmtime_r(&seconds, &tm);
    strftime(date, sizeof date, "%Y-%m-%d %H:%M", &tm);
    if (st->directory)
        printf("%12s  %s  %s/\n", "", date, text);
    else
        printf("%12llu  %s  %s\n", (unsigned long long)st->size, date, text);
    free(text);
    return true;
}

int command_list(const struct options *o)
{
    struct block *disk;
    struct fs *fs = open_image(o->word[0], &disk);

    char *directory = clean_path(o->words > 1 ? o->word[1] : "");

    walk(fs, directory, print, NULL);
    free(directory);
    close_image(fs, disk);
    return has_failed;
}

/* An extraction to one folder of the host, and to nothing outside it. */
struct extraction {
    struct fs *fs;
    int root, parent; /* descriptors; parent: the folder of the last file */
    char *parent_path;
    unsigned files;
    uint64_t bytes;
    char *buffer, *aside; /* aside: the name of a file until it is complete */
};

static int open_folder(int at, const char *name)
{
    return openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Opens the parent folder of a path, part by part and without following
 * symbolic links, which could lead out of the folder. -1, with errno. */
static int open_parent(struct extraction *x, const char *path)
{
    const char *slash = strrchr(path, '/');
    char *parent = text_of("%.*s", slash ? (int)(slash - path) : 0, path);
    int fd = x->root;

    if (x->parent >= 0 && strcmp(parent, x->parent_path) == 0) {
        free(parent);
        return x->parent;
    }
    for (char *at = parent, *end; fd >= 0 && *at; at = end) {
        int below;

        end = at + strcspn(at, "/");
        if (*end)
            *end++ = '\0';
        below = open_folder(fd, at);
        if (fd != x->root)
            close(fd);
        fd = below;
    }
    if (fd < 0) {
        free(parent);
        return -1;
    }
    if (x->parent >= 0 && x->parent != x->root)
        close(x->parent);
    free(x->parent_path);
    free(parent);
    x->parent_path = text_of("%.*s", slash ? (int)(slash - path) : 0, path);
    return x->parent = fd;
}

/* Copies as much as can be read. false: that was not all. */
static bool copy_out(struct extraction *x, const char *path, int fd,
                     const struct fs_stat *st)
{
    size_t got = 1;

    for (uint64_t at = 0; at < st->size && got > 0; at += got) {
        enum status s = fs_read(x->fs, path, at, x->buffer, BUFFER, &got);

        if (s == ERR_CANCELLED || s == ERR_GONE) {
            unlinkat(x->parent, x->aside, 0);
            die("%s: %s", path, status_text(s));
        }
        if (s) {
            complain("%s: %s, from byte %llu of %llu on", path, status_text(s),
                     (unsigned long long)at, (unsigned long long)st->size);
            return false;
        }
        for (size_t done = 0; done < got;) {
            ssize_t n = write(fd, x->buffer + done, got - done);

            if (n < 0) {
                unlinkat(x->parent, x->aside, 0);
                die("%s: %s", path, strerror(errno));
            }
            done += (size_t)n;
        }
        x->bytes += got;
    }
    return true;
}

/* Replaces a file of the host once the new one is complete. A file that cannot
 * be read to its end is extracted in part if the host has none of that name. */
static bool extract_file(struct extraction *x, const char *path,
                         const char *name, const struct fs_stat *st)
{
    struct timespec times[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}};
    struct stat there;
    int fd, error;
    bool is_whole, ok;

    unlinkat(x->parent, x->aside, 0);
    fd = openat(x->parent, x->aside,
                O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0)
        return false;
    is_whole = copy_out(x, path, fd, st);
    if (st->modified)
        times[0] = times[1] =
            (struct timespec){(time_t)(st->modified / SECOND), 0};
    ok = futimens(fd, times) == 0;
    ok = close(fd) == 0 && ok;
    if (ok && (is_whole || fstatat(x->parent, name, &there,
                                   AT_SYMLINK_NOFOLLOW) != 0))
        ok = renameat(x->parent, x->aside, x->parent, name) == 0;
    error = errno;
    unlinkat(x->parent, x->aside, 0); /* if it was not renamed */
    errno = error;
    return ok;
}

static bool extract_entry(void *ctx, const char *path, const struct fs_stat *st)
{
    struct extraction *x = ctx;
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    int at = open_parent(x, path), fd = -1;
    bool ok = at >= 0;

    if (ok && st->directory) {
        ok = (mkdirat(at, name, 0777) == 0 || errno == EEXIST) &&
             (fd = open_folder(at, name)) >= 0;
        if (fd >= 0)
            close(fd);
    } else if (ok) {
        ok = extract_file(x, path, name, st);
        x->files += ok;
    }
    if (!ok)
        complain("%s: not extracted: %s", path, strerror(errno));
    show_progress(x->files, x->bytes, false);
    return ok;
}

int command_extract(const struct options *o)
{
    struct block *disk;
    struct extraction x = {.fs = open_image(o->word[0], &disk), .parent = -1};

    x.buffer = malloc(BUFFER);
    if (!x.buffer)
        die("out of memory");
    x.aside = text_of(".fat-%ld", (long)getpid());
    if (mkdir(o->word[1], 0777) != 0 && errno != EEXIST)
        die("%s: %s", o->word[1], strerror(errno));
    x.root = open(o->word[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (x.root < 0)
        die("%s: %s", o->word[1], strerror(errno));
    walk(x.fs, "", extract_entry, &x);
    close_image(x.fs, disk);
    show_progress(x.files, x.bytes, true);
    return has_failed;
}

static void print_fault(void *ctx, const char *text)
{
    char *line = text_of("%s", text);

    (void)ctx;
    hide_controls(line, STDOUT_FILENO);
    printf("%s\n", line);
    free(line);
}

int command_check(const struct options *o)
{
    struct block *disk;
    struct fs *fs = open_image(o->word[0], &disk);
    struct fat_count count;
    enum status s = fat_check(fs, print_fault, NULL, &count);

    if (s)
        die("%s: %s", o->word[0], status_text(s));
    printf("%s: %u files, %u directories, %u of %u clusters in use, %u "
           "faults\n",
           o->word[0], count.files, count.directories, count.used,
           count.clusters, count.faults);
    close_image(fs, disk);
    return count.faults > 0;
}
