/* SPDX-License-Identifier: ISC */
/* fat add, list, extract and check: what is in an image. */
#define _GNU_SOURCE
#include "fat.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BUFFER  ((size_t)1 << 20)
#define NO_DATE 315532800 /* 1980-01-01, FAT's word for an unknown time */

/* What is copied, for those who watch. */
struct copying {
    struct fs  *fs;
    const char *folder; /* extract: the host's */
    nanoseconds date;
    unsigned    files;
    uint64_t    bytes;
    char       *buffer;
    enum status s;
};

static void begin(struct copying *c)
{
    c->buffer = malloc(BUFFER);
    if (!c->buffer)
        die("out of memory");
}

static void show(const struct copying *c, bool is_end)
{
    if (isatty(STDERR_FILENO) && (is_end || c->files % 64 == 0))
        fprintf(stderr, "\r%u files, %llu MB%s", c->files,
                (unsigned long long)c->bytes >> 20, is_end ? "\n" : "");
}

static void fill(struct copying *c, const char *path, const char *name)
{
    int      fd = open(path, O_RDONLY | O_CLOEXEC);
    uint64_t at = 0;
    ssize_t  n;

    if (fd < 0)
        die("%s: %s", path, strerror(errno));
    while ((n = read(fd, c->buffer, BUFFER)) > 0) {
        enum status s = fs_write(c->fs, name, at, c->buffer, (size_t)n);

        if (s)
            die("%s: %s", name, status_text(s));
        at += (uint64_t)n;
    }
    if (n < 0)
        die("%s: %s", path, strerror(errno));
    close(fd);
    c->bytes += at;
    c->files++;
    show(c, false);
}

static void add_entry(void *ctx, const char *path, const char *name,
                      bool is_folder, uint64_t size, nanoseconds modified)
{
    struct copying *c = ctx;
    struct fs_stat  st;
    enum status     s;

    (void)size;
    fat_set_time(c->fs, c->date ? c->date : modified);
    s = is_folder ? fs_mkdir(c->fs, name) : fs_create(c->fs, name);
    if (s == ERR_EXISTS && fs_stat(c->fs, name, &st) == OK &&
        st.directory == is_folder) {
        s = is_folder ? OK : fs_remove(c->fs, name);
        if (s == OK && !is_folder)
            s = fs_create(c->fs, name);
    }
    if (s)
        die("%s: %s%s", name, status_text(s),
            s == ERR_NAME ? " (FAT takes none of \" * : < > ? \\ |, no dot "
                            "at the end, and at most 255 characters)"
                          : "");
    if (!is_folder)
        fill(c, path, name);
}

/* The last part of a path; nothing of FOLDER/. */
static const char *name_of(const char *path)
{
    char  *copy = text_of("%s", path), *slash;
    size_t len = strlen(copy);

    while (len > 1 && copy[len - 1] == '/')
        copy[--len] = '\0';
    slash = strrchr(copy, '/');
    copy = slash ? slash + 1 : copy;
    return strcmp(copy, ".") == 0 || strcmp(copy, "..") == 0 ? "" : copy;
}

int command_add(const struct options *o)
{
    struct block  *disk;
    struct copying c = {.fs = open_image(o->word[0], &disk), .date = o->date};

    begin(&c);
    if (!disk->info.writable)
        die("%s may not be written to", o->word[0]);
    for (size_t i = 1; i < o->words; i++) {
        const char *name = name_of(o->word[i]);
        char       *as = text_of("%s%s%s", o->to ? o->to : "",
                           o->to && *name ? "/" : "", name);

        walk_host(o->word[i], as, add_entry, &c);
    }
    close_image(c.fs, disk);
    show(&c, true);
    return 0;
}

/* Calls fn for what is below a directory, each directory before its files. */
struct walk {
    struct fs  *fs;
    const char *dir;
    void (*fn)(void *ctx, const char *path, const struct fs_stat *st);
    void *ctx;
};

static bool step(void *ctx, const char *name, const struct fs_stat *st)
{
    struct walk *w = ctx, below = *w;
    char        *path = text_of("%s%s%s", w->dir, *w->dir ? "/" : "", name);
    enum status  s = OK;

    w->fn(w->ctx, path, st);
    below.dir = path;
    if (st->directory)
        s = fs_list(w->fs, path, step, &below);
    if (s)
        die("%s: %s", path, status_text(s));
    free(path);
    return true;
}

static void walk(struct fs *fs, const char *dir,
                 void (*fn)(void *ctx, const char *path,
                            const struct fs_stat *st),
                 void *ctx)
{
    struct walk w = {fs, dir, fn, ctx};
    enum status s = fs_list(fs, dir, step, &w);

    if (s)
        die("%s: %s", *dir ? dir : "/", status_text(s));
}

static void print(void *ctx, const char *path, const struct fs_stat *st)
{
    time_t    seconds = NO_DATE;
    struct tm tm;
    char      date[32];

    (void)ctx;
    if (st->modified)
        seconds = (time_t)(st->modified / SECOND);
    gmtime_r(&seconds, &tm);
    strftime(date, sizeof date, "%Y-%m-%d %H:%M", &tm);
    if (st->directory)
        printf("%12s  %s  %s/\n", "", date, path);
    else
        printf("%12llu  %s  %s\n", (unsigned long long)st->size, date, path);
}

int command_list(const struct options *o)
{
    struct block *disk;
    struct fs    *fs = open_image(o->word[0], &disk);

    walk(fs, o->words > 1 ? o->word[1] : "", print, NULL);
    close_image(fs, disk);
    return 0;
}

static void extract_entry(void *ctx, const char *path,
                          const struct fs_stat *st)
{
    struct copying *c = ctx;
    char           *to = text_of("%s/%s", c->folder, path);
    time_t          seconds = (time_t)(st->modified / SECOND);
    struct timespec times[2] = {{seconds, 0}, {seconds, 0}};
    int             fd;

    if (st->directory) {
        if (mkdir(to, 0777) != 0 && errno != EEXIST)
            die("%s: %s", to, strerror(errno));
        free(to);
        return;
    }
    fd = open(to, O_CREAT | O_TRUNC | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0)
        die("%s: %s", to, strerror(errno));
    for (uint64_t at = 0; at < st->size;) {
        size_t      got;
        enum status s = fs_read(c->fs, path, at, c->buffer, BUFFER, &got);

        if (s)
            die("%s: %s", path, status_text(s));
        for (size_t done = 0; done < got;) {
            ssize_t n = write(fd, c->buffer + done, got - done);

            if (n < 0)
                die("%s: %s", to, strerror(errno));
            done += (size_t)n;
        }
        at += got;
    }
    if (futimens(fd, times) != 0 || close(fd) != 0)
        die("%s: %s", to, strerror(errno));
    free(to);
    c->bytes += st->size;
    c->files++;
    show(c, false);
}

int command_extract(const struct options *o)
{
    struct block  *disk;
    struct copying c = {.fs = open_image(o->word[0], &disk),
                        .folder = o->word[1]};

    begin(&c);
    if (mkdir(c.folder, 0777) != 0 && errno != EEXIST)
        die("%s: %s", c.folder, strerror(errno));
    walk(c.fs, "", extract_entry, &c);
    close_image(c.fs, disk);
    show(&c, true);
    return 0;
}

static void print_fault(void *ctx, const char *text)
{
    (void)ctx;
    printf("%s\n", text);
}

int command_check(const struct options *o)
{
    struct block    *disk;
    struct fs       *fs = open_image(o->word[0], &disk);
    struct fat_count count;
    enum status      s = fat_check(fs, print_fault, NULL, &count);

    if (s)
        die("%s: %s", o->word[0], status_text(s));
    printf("%s: %u files, %u directories, %u of %u clusters in use, %u "
           "faults\n",
           o->word[0], count.files, count.directories, count.used,
           count.clusters, count.faults);
    close_image(fs, disk);
    return count.faults > 0;
}
