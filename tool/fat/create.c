/* SPDX-License-Identifier: ISC */
/* fat create: an empty file system, of a given size or to fit a folder. */
#include "fat.h"
#include <errno.h>
#include <fcntl.h>
#include <mirage/drivers.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR     512u
#define SLOT       32u
#define LEAST      512u /* bytes of a cluster */
#define SIZES      8 /* of clusters: LEAST, twice that, and so on */
#define FAT12_MOST 4000u
#define FAT16_MOST 65000u

/* What the files of a folder need, for each cluster size. */
struct need {
    uint64_t clusters[SIZES], root_slots;
    uint64_t *slots; /* of the folders that are being walked */
    size_t depth;
};

/* The directory entries of a name, at most: one, and another for each 13 bytes,
 * which may be characters. */
static uint64_t slots_of(const char *name)
{
    const char *slash = strrchr(name, '/');

    return 1 + (strlen(slash ? slash + 1 : name) + 12) / 13;
}

static void add_bytes(struct need *n, uint64_t bytes)
{
    for (int i = 0; i < SIZES; i++)
        n->clusters[i] += (bytes + (LEAST << i) - 1) / (LEAST << i);
}

/* Adds the clusters of the directories from this depth on, which are complete.
 */
static void close_folders(struct need *n, size_t depth)
{
    while (n->depth > depth)
        add_bytes(n, n->slots[--n->depth] * SLOT);
}

static void count_entry(void *ctx, const char *path, const char *name,
                        bool is_folder, uint64_t size, nanoseconds modified)
{
    struct need *n = ctx;
    size_t depth = 0;

    (void)path, (void)modified;
    for (const char *c = name; *c; c++)
        depth += *c == '/';
    close_folders(n, depth);
    if (depth == 0)
        n->root_slots += slots_of(name);
    else
        n->slots[depth - 1] += slots_of(name);
    if (!is_folder)
        add_bytes(n, size);
    else {
        n->slots = room_for(n->slots, n->depth, sizeof *n->slots);
        n->slots[n->depth++] = 2;
    }
}

/* Chooses type and cluster size with enough clusters, and not many more. */
static void choose(const struct need *n, struct fat_options *o)
{
    for (int i = 0; i < SIZES && o->cluster_size == 0; i++) {
        uint32_t size = LEAST << i;

        if (size <= 4096 && n->clusters[i] <= FAT12_MOST) {
            o->cluster_size = size;
            o->type = o->type ? o->type : 12;
        }
    }
    for (int i = 2; i < 5 && o->cluster_size == 0; i++)
        if (n->clusters[i] <= FAT16_MOST && n->root_slots < 60000) {
            o->cluster_size = LEAST << i;
            o->type = o->type ? o->type : 16;
        }
    if (o->cluster_size == 0)
        o->cluster_size = 4096;
    if (o->type == 0)
        o->type = 32;
}

static uint64_t clusters_for(const struct need *n,
                             const struct fat_options *o)
{
    int i = 0;

    while (i < SIZES - 1 && LEAST << i < o->cluster_size)
        i++;
    return n->clusters[i] + (o->type == 32 ? n->root_slots * SLOT /
                                                     o->cluster_size +
                                                 1
                                           : 0);
}

/* The image that is being made; an error removes it. */
static const char *image;

static void remove_image(void)
{
    unlink(image);
}

static void set_size(uint64_t bytes)
{
    if (truncate(image, (off_t)bytes) != 0)
        die("%s cannot have %llu bytes: %s", image, (unsigned long long)bytes,
            strerror(errno));
}

/* Makes the file system, and returns its free bytes; 0: *s is the error. */
static uint64_t format(const struct fat_options *o,
                       enum status *s)
{
    struct block *disk;
    struct fs *fs;
    uint64_t bytes = 0;

    *s = block_unix_connect(image, &disk);
    if (*s)
        die("%s: %s", image, status_text(*s));
    *s = fat_format(disk, o);
    if (*s == OK && (*s = fat_connect(disk, &fs)) == OK) {
        *s = fat_room(fs, &bytes, NULL);
        fs_disconnect(fs);
    }
    block_disconnect(disk);
    return bytes;
}

static void refuse_label(const char *label)
{
    misused("--label=%s: a label has 1 to 11 characters: capital letters, "
            "digits, spaces and ! # $ % & ' ( ) - @ ^ _ ` { } ~",
            label);
}

/* Whether a file system of so many bytes can be made. It leaves the image with
 * this size. */
static bool is_possible(const struct fat_options *o, uint64_t bytes)
{
    enum status s = ERR_RANGE;

    if (truncate(image, (off_t)bytes) == 0)
        format(o, &s);
    return s == OK;
}

#define LARGEST ((uint64_t)1 << 41) /* 2^32 sectors of 512 bytes */

/*
 * Finds the possible size nearest to `bytes`, which is not possible with this
 * type and cluster size; 0: there is none. Possible sizes are one range, whose
 * end is at least 8 times its start, so doubling or halving hits it; bisection
 * then finds its edge.
 */
static uint64_t nearest_size(const struct fat_options *o, uint64_t bytes)
{
    uint64_t wrong = bytes / 1024, right = wrong ? 2 * wrong : 1;

    while (right <= LARGEST / 1024 && !is_possible(o, right * 1024)) {
        wrong = right;
        right *= 2;
    }
    if (right > LARGEST / 1024) {
        wrong = bytes / 1024;
        for (right = wrong / 2; right > 0 && !is_possible(o, right * 1024);
             right /= 2)
            wrong = right;
    }
    while (right > 0 && (right > wrong + 1 || wrong > right + 1)) {
        uint64_t middle = wrong + (right - wrong) / 2;

        if (right < wrong)
            middle = right + (wrong - right) / 2;
        if (is_possible(o, middle * 1024))
            right = middle;
        else
            wrong = middle;
    }
    return right * 1024;
}

/* "33M", or "4200K" for small sizes, rounded up if is_least and else down. */
static char *size_text(uint64_t bytes, bool is_least)
{
    uint64_t mega = (uint64_t)1 << 20;

    if (bytes < 16 * mega)
        return text_of("%lluK", (unsigned long long)bytes / 1024);
    return text_of("%lluM", (unsigned long long)((bytes +
                                                  (is_least ? mega - 1 : 0)) /
                                                 mega));
}

static void refuse_size(const struct options *o, uint64_t bytes)
{
    uint64_t size = nearest_size(&o->fat, bytes);
    char *what = o->fat.type ? text_of("FAT%d", o->fat.type)
                             : text_of("a FAT file system");

    if (o->fat.cluster_size)
        what = text_of("%s with clusters of %u bytes", what,
                       (unsigned)o->fat.cluster_size);
    if (size == 0)
        die("%s of %s: no size goes with %s", image, o->word[1], what);
    die("%s of %s: %s is at %s %s", image, o->word[1], what,
        size > bytes ? "least" : "most", size_text(size, size > bytes));
}

/* Makes the image a little larger until all fits. */
static void create_for(const struct options *given)
{
    struct fat_options o = given->fat;
    struct need n = {.root_slots = 1};
    uint64_t wanted, bytes;
    enum status s = ERR_RANGE;

    walk_host(given->folder, "", count_entry, &n);
    close_folders(&n, 0);
    free(n.slots);
    add_bytes(&n, given->more);
    if (n.root_slots > 65504)
        die("%s: it has more names than a directory can hold, which is 65504 "
            "where each takes one and another for each 13 characters",
            given->folder);
    choose(&n, &o);
    o.root_slots = (uint32_t)(n.root_slots < 64 ? 64 : n.root_slots);
    wanted = clusters_for(&n, &o);
    if (wanted == 0)
        wanted = 1;
    bytes = wanted * o.cluster_size + o.root_slots * SLOT + SECTOR;
    for (int i = 0; s || i == 0; i++) {
        set_size((bytes + SECTOR - 1) / SECTOR * SECTOR);
        if (format(&o, &s) / o.cluster_size < wanted && s == OK)
            s = ERR_NO_SPACE;
        if (s && s != ERR_NO_SPACE && s != ERR_RANGE)
            break;
        if (i == 10000)
            break;
        bytes += bytes / 500 + o.cluster_size;
    }
    if (s == ERR_NAME)
        refuse_label(o.label);
    if (s)
        die("%s: no file system for %s: %s", image, given->folder,
            s == ERR_RANGE ? "this type and cluster do not go with its size"
                           : status_text(s));
}

int command_create(const struct options *o)
{
    uint64_t size;
    enum status s;
    struct stat st;
    int fd;

    image = o->word[0];
    if ((o->words == 2) == (o->folder != NULL))
        misused("create wants a size, or --for=FOLDER%s", "");
    if (o->folder && stat(o->folder, &st) == 0 && !S_ISDIR(st.st_mode))
        die("--for=%s: it is no folder; --for wants one", o->folder);
    size = o->folder ? 0 : size_of_text(o->word[1]);
    fd = open(image, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
    if (fd < 0)
        die("%s: %s", image,
            errno == EEXIST ? "it is there already; remove it first"
                            : strerror(errno));
    close(fd);
    at_death(remove_image);
    if (o->folder) {
        create_for(o);
        return 0;
    }
    set_size(size / SECTOR * SECTOR);
    format(&o->fat, &s);
    if (s == OK)
        return 0;
    if (s == ERR_NAME)
        refuse_label(o->fat.label);
    if (s == ERR_RANGE)
        refuse_size(o, size);
    die("%s of %s: %s", image, o->word[1],
        s == ERR_NO_SPACE ? "it is too small for a file system"
                          : status_text(s));
}
