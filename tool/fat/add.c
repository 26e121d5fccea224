/* SPDX-License-Identifier: ISC */
/*
 * fat add: copies files and folders of the host into an image. A file of the
 * same name is replaced by writing the new one beside it and renaming it.
 */
#include "fat.h"
#include <errno.h>
#include <fcntl.h>
#include <mirage/fiber.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER ((size_t)1 << 20)
#define ASIDES 100 /* names that are tried for a new file beside the old */

/* The copying in progress: finish_image needs it when the program ends early.
 */
static struct {
    struct fs *fs;
    nanoseconds date;
    bool in_place, has_parents;
    unsigned files, all_files;
    uint64_t bytes;
    char *buffer;
    char *unfinished; /* the name in the image of an incomplete file, or NULL */
    const char
        *path; /* of the file of the host that is being copied, or NULL */
} copying;

void show_progress(unsigned files, uint64_t bytes, bool is_end)
{
    if (isatty(STDERR_FILENO) && (is_end || files % 64 == 0))
        fprintf(stderr, "\r%u files, %llu MB%s", files,
                (unsigned long long)bytes >> 20, is_end ? "\n" : "");
}

/* A path of the host, and its name in the image. */
struct source {
    char *folded, *name, *path;
    bool is_folder, is_word; /* it is a word of the command line */
};

/* All of them in a hash table by `folded`, to find two with the same name. */
static struct {
    struct source *slot;
    size_t count, room;
} sources;

static size_t hash_of(const char *text)
{
    size_t h = 0xcbf29ce484222325;

    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 0x100000001b3;
    return h ^ h >> 32;
}

static struct source *slot_of(const char *folded)
{
    size_t i = hash_of(folded);

    while (sources.slot[i & (sources.room - 1)].folded &&
           strcmp(sources.slot[i & (sources.room - 1)].folded, folded) != 0)
        i++;
    return &sources.slot[i & (sources.room - 1)];
}

static void make_source_room(void)
{
    struct source *old = sources.slot;
    size_t room = sources.room;

    if (2 * (sources.count + 1) <= room)
        return;
    sources.room = room ? 2 * room : 256;
    sources.slot = calloc(sources.room, sizeof *sources.slot);
    if (!sources.slot)
        die("out of memory");
    for (size_t i = 0; i < room; i++)
        if (old[i].folded)
            *slot_of(old[i].folded) = old[i];
    free(old);
}

/* Folds the case of a path, as the file system does: yours, to free. NULL: a
 * part cannot be a name. */
static char *fold(const char *name)
{
    char *folded = text_of("%s", "");

    while (*name) {
        size_t len = strcspn(name, "/");
        char *part = text_of("%.*s", (int)len, name), *longer;
        char one[FAT_FOLDED];
        enum status s = fat_fold_name(part, one);

        if (s) {
            free(part);
            free(folded);
            return NULL;
        }
        longer = text_of("%s%s%s", folded, *folded ? "/" : "", one);
        free(folded);
        free(part);
        folded = longer;
        name += len + (name[len] == '/');
    }
    return folded;
}

/* Checks a file's or folder's name, also against the others, before anything is
 * written. */
static void check_source(void *ctx, const char *path, const char *name,
                         bool is_folder, uint64_t size, nanoseconds modified)
{
    struct source *s;
    char *folded = fold(name);
    bool is_word = strcmp(path, ctx) == 0;

    (void)modified;
    copying.all_files += !is_folder;
    if (size > UINT32_MAX)
        die("%s: it has %llu bytes, and a file in a FAT file system has at "
            "most 4294967295",
            path, (unsigned long long)size);
    if (!folded)
        die("%s: %s (FAT takes none of \" * : < > ? \\ |, no dot or space at "
            "the end, and at most 255 characters)",
            name, status_text(ERR_NAME));
    make_source_room();
    s = slot_of(folded);
    if (!s->folded) {
        *s = (struct source){folded, text_of("%s", name), text_of("%s", path),
                             is_folder, is_word};
        sources.count++;
        return;
    }
    free(folded);
    if (strcmp(s->name, name) != 0)
        die("%s and %s would be one in the image: a FAT file system does not "
            "tell upper from lower case",
            s->path, path);
    /* Folders of one name are joined, with the files of the later one. */
    if (s->is_folder != is_folder ||
        (!is_folder && s->is_word && is_word && strcmp(s->path, path) != 0))
        die("%s and %s would be one in the image, %s; --to=DIRECTORY adds one "
            "of them elsewhere",
            s->path, path, name);
}

static void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void note(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    print_message(fmt, args);
    va_end(args);
}

/* Removes an incomplete file from the image, flushes, and reports how many
 * files were added. */
static void finish_image(void)
{
    fiber_shield();
    if (copying.all_files > 1)
        note("%u of %u files were added%s%s%s", copying.files,
             copying.all_files, copying.path ? "; " : "",
             copying.path ? copying.path : "",
             copying.path ? " is the first that was not" : "");
    if (copying.unfinished && fs_remove(copying.fs, copying.unfinished) != OK)
        note("%s stays in the image, and is not complete",
             copying.unfinished);
    if (fs_flush(copying.fs) != OK)
        fprintf(stderr, "fat: what was changed cannot be written\n");
}

static uint64_t free_room(uint32_t *cluster)
{
    uint64_t room;
    enum status s = fat_room(copying.fs, &room, cluster);

    if (s)
        die("the room in the image: %s", status_text(s));
    return room;
}

static uint64_t round_up(uint64_t bytes, uint32_t cluster)
{
    return (bytes + cluster - 1) / cluster * cluster;
}

/* Ends the program unless there is room for so many bytes, with `more` that
 * will be freed before. */
static void check_room(const char *name, uint64_t bytes, uint64_t more,
                       const char *advice)
{
    uint32_t cluster;
    uint64_t room = free_room(&cluster);

    if (room + round_up(more, cluster) >= round_up(bytes, cluster))
        return;
    if (fs_flush(copying.fs) == OK) /* makes removed clusters free */
        room = free_room(&cluster);
    room += round_up(more, cluster);
    if (room < round_up(bytes, cluster))
        die("%s: no space left: %llu bytes are missing%s", name,
            (unsigned long long)(round_up(bytes, cluster) - room), advice);
}

static void fill(const char *path, const char *name, const char *called)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    uint64_t at = 0;
    ssize_t n;

    if (fd < 0)
        die("%s: %s", path, strerror(errno));
    while ((n = read(fd, copying.buffer, BUFFER)) > 0) {
        enum status s = fs_write(copying.fs, name, at, copying.buffer,
                                 (size_t)n);

        if (s)
            die("%s: %s", called, status_text(s));
        at += (uint64_t)n;
    }
    if (n < 0)
        die("%s: %s", path, strerror(errno));
    close(fd);
    copying.bytes += at;
}

/* Adds a file under a new name. Until finish() it counts as incomplete. */
static void add_new(const char *path, const char *name, const char *called,
                    const char *advice)
{
    enum status s = fs_create(copying.fs, name);

    if (s)
        die("%s: %s%s", called, status_text(s),
            s == ERR_NO_SPACE ? advice : "");
    copying.unfinished = text_of("%s", name);
    fill(path, name, called);
}

static void finish(void)
{
    free(copying.unfinished);
    copying.unfinished = NULL;
    copying.files++;
    show_progress(copying.files, copying.bytes, false);
}

/* Finds an unused name in the same directory. */
static char *name_aside(const char *name)
{
    const char *slash = strrchr(name, '/');
    int len = slash ? (int)(slash + 1 - name) : 0;
    struct fs_stat st;

    for (int i = 0; i < ASIDES; i++) {
        char *aside = text_of("%.*sFATADD%02d.TMP", len, name, i);

        if (fs_stat(copying.fs, aside, &st) == ERR_NOT_FOUND)
            return aside;
        free(aside);
    }
    die("%.*sFATADD00.TMP and %d more are left of others; remove them", len,
        name, ASIDES - 1);
}

static void replace(const char *path, const char *name, uint64_t size,
                    const struct fs_stat *old)
{
    static const char advice[] =
        " to keep the old file until the new one is there; --in-place removes "
        "the old one first";
    char *aside;
    enum status s;

    if (old->read_only)
        die("%s: %s", name, status_text(ERR_READ_ONLY));
    if (copying.in_place) {
        check_room(name, size, old->size, "");
        if ((s = fs_remove(copying.fs, name)) != OK)
            die("%s: %s", name, status_text(s));
        add_new(path, name, name, "");
        finish();
        return;
    }
    check_room(name, size, 0, advice);
    aside = name_aside(name);
    add_new(path, aside, name, advice);
    if ((s = fs_rename(copying.fs, aside, name)) != OK)
        die("%s: %s", name, status_text(s));
    finish();
    free(aside);
}

/* Refuses a name that is the short name of another file in the image. */
static void check_spelling(const char *path, const char *name, bool is_folder)
{
    const char *slash = strrchr(name, '/');
    char is[FAT_FOLDED], folded[FAT_FOLDED], wanted[FAT_FOLDED];
    enum status s = fat_spelling(copying.fs, name, is);

    if (s)
        die("%s: %s", name, status_text(s));
    if (fat_fold_name(slash ? slash + 1 : name, wanted) == OK &&
        fat_fold_name(is, folded) == OK && strcmp(folded, wanted) == 0) {
        if (!is_folder && strcmp(slash ? slash + 1 : name, is) != 0)
            note("%s takes the place of %s", path, is);
        return;
    }
    die("%s and %s would be one in the image: %s is the short name that the "
        "other has there",
        path, is, name);
}

/* Creates the missing directories of --to, above the first name. */
static void make_parents(const char *name)
{
    if (copying.has_parents)
        return;
    copying.has_parents = true;
    for (const char *slash = strchr(name, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        char *parent = text_of("%.*s", (int)(slash - name), name);
        struct fs_stat st;
        enum status s = fs_stat(copying.fs, parent, &st);

        if (s == ERR_NOT_FOUND)
            s = fs_mkdir(copying.fs, parent);
        if (s)
            die("%s: %s", parent, status_text(s));
        free(parent);
    }
}

static void add_to_image(const char *path, const char *name, bool is_folder,
                         uint64_t size, nanoseconds modified)
{
    struct fs_stat st;
    enum status s = fs_stat(copying.fs, name, &st);

    fat_set_time(copying.fs, copying.date ? copying.date : modified);
    if (s == OK)
        check_spelling(path, name, is_folder);
    if (s == OK && st.directory != is_folder)
        die("%s: it is a %s in the image", name,
            st.directory ? "directory" : "file");
    if (s == OK && !is_folder)
        replace(path, name, size, &st);
    if (s == OK)
        return;
    if (s == ERR_NOT_FOUND && is_folder) {
        make_parents(name);
        s = fs_mkdir(copying.fs, name);
    } else if (s == ERR_NOT_FOUND) {
        check_room(name, size, 0, "");
        make_parents(name);
        add_new(path, name, name, "");
        finish();
        return;
    }
    if (s)
        die("%s: %s", name, status_text(s));
}

static void add_entry(void *ctx, const char *path, const char *name,
                      bool is_folder, uint64_t size, nanoseconds modified)
{
    (void)ctx;
    copying.path = path;
    add_to_image(path, name, is_folder, size, modified);
    copying.path = NULL;
}

/* The last part of a path; "" for FOLDER/. */
static const char *name_of(const char *path)
{
    char *copy = text_of("%s", path), *slash;
    size_t len = strlen(copy);

    while (len > 1 && copy[len - 1] == '/')
        copy[--len] = '\0';
    slash = strrchr(copy, '/');
    copy = slash ? slash + 1 : copy;
    return strcmp(copy, ".") == 0 || strcmp(copy, "..") == 0 ? "" : copy;
}

static void for_each(const struct options *o, host_entry *fn)
{
    char *to = clean_path(o->to ? o->to : "");

    for (size_t i = 1; i < o->words; i++) {
        const char *name = name_of(o->word[i]);
        char *as = text_of("%s%s%s", to, *to && *name ? "/" : "", name);
        char *path = host_path(o->word[i]);

        walk_host(path, as, fn, path);
        free(path);
        free(as);
    }
    free(to);
}

int command_add(const struct options *o)
{
    struct block *disk;

    copying.fs = open_image(o->word[0], &disk);
    copying.date = o->date;
    copying.in_place = o->in_place;
    copying.buffer = malloc(BUFFER);
    if (!copying.buffer)
        die("out of memory");
    if (!disk->info.writable)
        die("%s may not be written to", o->word[0]);
    for_each(o, check_source);
    at_death(finish_image);
    for_each(o, add_entry);
    at_death(NULL);
    close_image(copying.fs, disk);
    show_progress(copying.files, copying.bytes, true);
    return 0;
}
