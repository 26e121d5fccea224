/* SPDX-License-Identifier: ISC */
/*
 * FAT after power cuts: random sessions are cut at many moments, with different
 * choices of the unflushed sectors that survive. `fsck.fat -a` may then find
 * only what it can repair without loss; what was flushed and not changed since
 * must be there (decision 0014).
 *
 *     fat_power [--sessions=N] [--seed=N] [--cuts=N]
 */
#include "check.h"
#include "fat_session.h"
#include "power.h"
#include <mirage/boot.h>
#include <mirage/fat.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>

BOOT_NUMBER(sessions, 0, 0, 1000000, "how many; 0: 6, or 500 with SOAK");
BOOT_NUMBER(seed, 1, 1, INT64_MAX, "of the first of them");
BOOT_NUMBER(cuts, 24, 1, 1000000, "in each of them");

static char place[32];

static const struct {
    uint64_t bytes;
    uint32_t sector_size, cluster_size;
    int type;
} kinds[] = {
    {400 << 10, 512, 512, 12},
    {3 << 20, 512, 512, 16},
    {34 << 20, 512, 512, 32},
    {2 << 20, 512, 1024, 12},
    {10 << 20, 512, 2048, 16},
    {1 << 20, 1024, 1024, 12},
    {8 << 20, 2048, 2048, 12},
};

/* The model after so many steps. */
struct moment {
    struct tree tree;
    size_t events, steps;
};

/*
 * Lines that fsck.fat may print. A line that begins otherwise, or contains none
 * of these, is a fault.
 */
static bool is_allowed(const char *line)
{
    static const char *const allowed[] = {
        "fsck.fat ",
        "disk: ",
        "Dirty bit is set",
        " Automatically removing dirty bit",
        "Free cluster summary wrong",
        "  Auto-correcting",
        "FATs differ",
        "  Using first FAT.",
        "  Using second FAT.",
        "Reclaimed ",
        "Reclaiming ",
        "  File size is ", /* a chain longer than its file */
        "  Truncating file to ",
        "Orphaned long file name part",
        "Unfinished long file name",
        "Wrong checksum for long file name",
        "  (Short name ",
        "  Auto-deleting.",
        "Long filename fragment",
        "  (Maybe the start bit",
        "  Not auto-correcting",
        "*** Filesystem was changed ***",
        "Writing changes",
        "/", /* a name, or one of the two that */
        "  share clusters.", /* a rename left */
        "  Truncating second to 0 bytes",
    };

    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
        if (strncmp(line, allowed[i], strlen(allowed[i])) == 0)
            return true;
    return *line == '\n' || *line == '\0';
}

/*
 * If a rename left a directory under both names, fsck needs further runs, since
 * there is one "..": it empties the second directory, then removes it, then its
 * long name.
 */
static bool is_allowed_of_directories(const char *line)
{
    return is_allowed(line) ||
           strncmp(line, "  Invalid '..' entry in the second slot", 39) == 0 ||
           strncmp(line, " Start does point to root directory", 35) == 0;
}

/* The output is nothing but its name and how full the volume is. */
static bool is_silent(const char *line)
{
    return strncmp(line, "fsck.fat ", 9) == 0 ||
           strncmp(line, "disk: ", 6) == 0;
}

/* How often the volume was found marked as in use. */
static unsigned marked;

/* Runs fsck.fat once: its exit status, or 99 if it prints what it may not. */
static int fsck(const char *option, bool (*is_fine)(const char *line))
{
    char line[1024];
    FILE *in;
    int status;

    snprintf(line, sizeof line,
             "cd %s && PATH=$PATH:/usr/sbin fsck.fat %s disk >log 2>&1",
             place, option);
    status = system(line);
    status = WIFEXITED(status) ? WEXITSTATUS(status) : 99;
    snprintf(line, sizeof line, "%s/log", place);
    in = fopen(line, "r");
    while (in && fgets(line, sizeof line, in)) {
        marked += strncmp(line, "Dirty bit is set", 16) == 0;
        if (!is_fine(line)) {
            printf("fsck.fat says: %s", line);
            status = 99;
        }
    }
    if (in)
        fclose(in);
    return status;
}

static bool fsck_mends(bool is_dir_renamed)
{
    bool (*fine)(const char *) = is_dir_renamed ? is_allowed_of_directories
                                                : is_allowed;
    int status = fsck("-a", fine);

    for (int i = 0; i < 3 && status == 1 && is_dir_renamed; i++)
        status = fsck("-a", fine);
    return status == 0 || (status == 1 && fsck("-n", fine) == 0);
}

/* What must hold for a file that existed at the last flush. */
struct wanted {
    char *path[32]; /* any of these names may lead to it */
    size_t paths;
    uint8_t *keep; /* for each byte: it must be unchanged */
    size_t len; /* its size, at least */
    bool is_gone; /* it may be missing */
};

static char *moved(const char *path, const char *from, const char *to)
{
    size_t len = strlen(from);
    char *new;

    if (strncasecmp(path, from, len) != 0 ||
        (path[len] != '\0' && path[len] != '/'))
        return NULL;
    new = malloc(strlen(to) + strlen(path + len) + 1);
    strcpy(new, to);
    return strcat(new, path + len);
}

static void follow(struct wanted *w, const struct node *n,
                   const struct event *e)
{
    size_t paths = w->paths;

    for (size_t i = 0; i < paths; i++) {
        bool is_it = e->path && strcasecmp(w->path[i], e->path) == 0;

        if (e->deed == REMOVED && is_it)
            w->is_gone = true;
        /* Tests of their own check what holds for both files. */
        if (e->deed == REPLACED &&
            (is_it || strcasecmp(w->path[i], e->to) == 0))
            w->is_gone = true;
        if (e->deed == TRUNCATED && is_it && w->len > e->len)
            w->len = (size_t)e->len;
        if (e->deed == WROTE && is_it)
            for (uint64_t b = e->from; b < e->from + e->len && b < n->len; b++)
                w->keep[b] = 0;
        if (e->deed == RENAMED && w->paths < 32) {
            char *new = moved(w->path[i], e->path, e->to);

            if (new)
                w->path[w->paths++] = new;
        }
    }
}

static bool is_kept(struct fs *fs, const char *path, const struct node *n,
                    const struct wanted *w)
{
    struct fs_stat st;
    uint8_t *data;
    size_t got = 0;
    bool ok;

    if (fs_stat(fs, path, &st) != OK || st.directory != n->is_directory)
        return false;
    if (n->is_directory)
        return true;
    data = malloc(n->len + 1);
    ok = st.size >= w->len &&
         fs_read(fs, path, 0, data, w->len, &got) == OK && got == w->len;
    for (size_t i = 0; ok && i < w->len; i++)
        ok = !w->keep[i] || data[i] == n->data[i];
    free(data);
    return ok;
}

/* Searches all files below a directory for one. */
struct search {
    struct fs *fs;
    const char *dir;
    const struct node *node;
    const struct wanted *wanted;
    bool is_found;
};

static bool look(void *ctx, const char *entry, const struct fs_stat *st)
{
    struct search *l = ctx, below = *l;
    char *path = malloc(strlen(l->dir) + strlen(entry) + 2);

    sprintf(path, "%s%s%s", l->dir, *l->dir ? "/" : "", entry);
    below.dir = path;
    if (!st->directory &&
        strncmp(entry, "FSCK", 4) != 0) /* which fsck recovered */
        l->is_found = is_kept(l->fs, path, l->node, l->wanted);
    else if (st->directory && fs_list(l->fs, path, look, &below) == OK)
        l->is_found = below.is_found;
    free(path);
    return !l->is_found;
}

/*
 * If a file and directories above it were renamed, any of the renames may be on
 * the disk and the others not: then the file may be anywhere.
 */
static bool is_somewhere(struct fs *fs, const struct node *n,
                         const struct wanted *w)
{
    struct search l = {fs, "", n, w, false};

    if (w->paths < 2 || n->is_directory)
        return w->paths > 1;
    return fs_list(fs, "", look, &l) == OK && l.is_found;
}

static bool all_is_kept(struct fs *fs, const struct session *s,
                        const struct moment *m, size_t events)
{
    bool ok = true;

    for (size_t i = 0; ok && i < m->tree.count; i++) {
        const struct node *n = &m->tree.node[i];
        struct wanted w = {.path = {strdup(n->path)}, .paths = 1};
        bool is_there = false;

        w.len = n->len;
        w.keep = malloc(n->len + 1);
        memset(w.keep, 1, n->len + 1);
        for (size_t e = m->events; e < events; e++)
            follow(&w, n, &s->event[e]);
        for (size_t p = 0; p < w.paths; p++) {
            is_there = is_there || is_kept(fs, w.path[p], n, &w);
            free(w.path[p]);
        }
        ok = w.is_gone || is_there || is_somewhere(fs, n, &w);
        free(w.keep);
        if (!ok)
            printf("\"%s\" is lost\n", n->path);
    }
    return ok;
}

/* Copies the disk to a file of the host, for fsck, and back. */
static bool transfer(const struct block *disk, uint8_t *image, bool is_back)
{
    char path[64];
    size_t len = (size_t)disk->info.sectors * disk->info.sector_size;
    FILE *file;
    bool ok;

    snprintf(path, sizeof path, "%s/disk", place);
    file = fopen(path, is_back ? "r" : "w");
    ok = file && (is_back ? fread(image, 1, len, file)
                          : fwrite(image, 1, len, file)) == len;
    return file && fclose(file) == 0 && ok;
}

static bool survives(const struct session *s, const struct block *disk,
                     const struct moment *m, size_t moments, size_t cut,
                     uint64_t luck)
{
    size_t len = (size_t)disk->info.sectors * disk->info.sector_size;
    uint8_t *image = malloc(len);
    struct block *copy = power_connect(disk->info.sectors,
                                       disk->info.sector_size);
    struct fs *fs;
    size_t last = 0, events = s->events;
    bool ok, is_dir_renamed = false;

    /* The last flush, and the calls up to the next step. */
    for (size_t i = 0; i < moments; i++)
        if (m[i].steps <= cut)
            last = i;
    if (last + 1 < moments)
        events = m[last + 1].events;
    for (size_t i = m[last].events; i < events; i++)
        is_dir_renamed |= s->event[i].deed == RENAMED && s->event[i].len == 1;
    power_cut(disk, cut, luck, image);
    ok = transfer(disk, image, false) && fsck_mends(is_dir_renamed) &&
         transfer(disk, image, true);
    if (ok && (block_write(copy, 0, image, (size_t)disk->info.sectors) != OK ||
               fat_connect(copy, &fs) != OK))
        ok = false;
    else if (ok) {
        ok = all_is_kept(fs, s, &m[last], events);
        fs_disconnect(fs);
    }
    block_disconnect(copy);
    free(image);
    return ok;
}

static bool cut_often(struct session *s, const struct block *disk,
                      const struct moment *m, size_t moments)
{
    size_t steps = power_steps(disk);

    for (int64_t i = 0; i < cuts; i++) {
        size_t cut = session_random(s, (uint32_t)steps + 1);
        uint64_t luck = session_random(s, 1000);

        if (!survives(s, disk, m, moments, cut, luck)) {
            printf("power was cut after step %zu of %zu, luck %llu\n", cut,
                   steps, (unsigned long long)luck);
            return false;
        }
    }
    return true;
}

static bool session(uint64_t number)
{
    size_t kind = number % (sizeof kinds / sizeof *kinds);
    uint32_t size = kinds[kind].sector_size;
    struct block *disk = power_connect(kinds[kind].bytes / size, size);
    struct fat_options o = {.type = kinds[kind].type,
                            .cluster_size = kinds[kind].cluster_size};
    struct session s = {.random = number * 0x9e3779b97f4a7c15u,
                        .most = 20000};
    struct moment moment[64];
    size_t moments = 0, flushes = 0;
    bool ok = disk && fat_format(disk, &o) == OK;

    if (!ok || fat_connect(disk, &s.fs) != OK)
        return false;
    power_settle(disk);
    for (int i = 0; ok && i < 200 && moments < 60; i++) {
        size_t events = s.events;

        if (i == 0 || (s.events > 0 && s.events != flushes &&
                       s.event[s.events - 1].deed == FLUSHED)) {
            flushes = s.events;
            moment[moments++] = (struct moment){tree_copy(&s.tree), s.events,
                                                power_steps(disk)};
        }
        ok = session_step(&s);
        (void)events;
    }
    ok = ok && fs_flush(s.fs) == OK;
    ok = ok && cut_often(&s, disk, moment, moments);
    while (moments > 0)
        tree_free(&moment[--moments].tree);
    fs_disconnect(s.fs);
    block_disconnect(disk);
    session_end(&s);
    return ok;
}

/* Makes a folder for the image; it is removed if all tests pass. */
static void begin(void)
{
    CHECK(mkdtemp(strcpy(place, "/tmp/power-XXXXXX")) != NULL);
}

static void end(bool ok)
{
    char path[64];

    CHECK(ok);
    if (!ok) {
        printf("what is left is in %s\n", place);
        return;
    }
    snprintf(path, sizeof path, "%s/disk", place);
    unlink(path);
    snprintf(path, sizeof path, "%s/log", place);
    unlink(path);
    rmdir(place);
}

TEST(flushed_changes_survive_any_power_cut)
{
    bool ok = true;

    begin();
    if (sessions == 0)
        sessions = getenv("SOAK") ? 500 : 6;
    for (int64_t i = 0; ok && i < sessions; i++) {
        ok = session((uint64_t)(seed + i));
        if (!ok)
            printf("in the session of seed %lld\n", (long long)(seed + i));
    }
    CHECK(marked > 0 || cuts < 20);
    end(ok);
}

/* Makes a FAT12 volume with clusters of one sector. */
static struct block *small(struct fs **fs)
{
    struct block *disk = power_connect(600, 512);
    struct fat_options o = {.type = 12, .cluster_size = 512};

    if (!disk || fat_format(disk, &o) != OK || fat_connect(disk, fs) != OK)
        abort();
    return disk;
}

/*
 * Cuts the power after each step, with several choices of the sectors that
 * survive. The file must begin with `len` bytes of 'x' under one of the names.
 */
static bool stays(const struct block *disk, const char *name,
                  const char *other, size_t len)
{
    struct tree tree = {0};
    struct node node = {.path = (char *)(uintptr_t)name, .len = len};
    struct event renamed = {RENAMED, (char *)(uintptr_t)name,
                            (char *)(uintptr_t)other, 0, 0};
    struct session s = {.event = &renamed, .events = other != NULL};
    struct moment start = {tree, 0, 0};
    bool ok = true;

    node.data = malloc(len);
    memset(node.data, 'x', len);
    start.tree = (struct tree){&node, 1};
    for (size_t cut = 0; ok && cut <= power_steps(disk); cut++)
        for (uint64_t luck = 0; ok && luck < 12; luck++)
            ok = survives(&s, disk, &start, 1, cut, luck);
    free(node.data);
    return ok;
}

TEST(a_fat12_link_in_two_sectors_survives_any_power_cut)
{
    static char data[512];
    struct fs *fs;
    struct block *disk = small(&fs);
    char name[32];

    memset(data, 'x', sizeof data);
    begin();
    /* Makes files until cluster 341 is the last of one. */
    for (int i = 0; i < 341; i++) {
        snprintf(name, sizeof name, "F%d", i);
        CHECK(fs_create(fs, name) == OK);
        CHECK(fs_write(fs, name, 0, data, sizeof data) == OK);
    }
    CHECK(fs_flush(fs) == OK);
    power_settle(disk);
    CHECK(fs_write(fs, "F339", sizeof data, data, sizeof data) == OK);
    CHECK(fs_flush(fs) == OK);
    end(stays(disk, "F339", NULL, sizeof data));
    fs_disconnect(fs);
    block_disconnect(disk);
}

TEST(a_renamed_file_has_a_name_after_any_power_cut)
{
    static char data[1500];
    struct fs *fs;
    struct block *disk = small(&fs);

    begin();
    memset(data, 'x', sizeof data);
    CHECK(fs_create(fs, "a long name at first") == OK);
    CHECK(fs_write(fs, "a long name at first", 0, data, sizeof data) == OK);
    CHECK(fs_mkdir(fs, "d") == OK);
    CHECK(fs_flush(fs) == OK);
    power_settle(disk);
    CHECK(fs_rename(fs, "a long name at first", "d/and another") == OK);
    CHECK(fs_flush(fs) == OK);
    end(stays(disk, "a long name at first", "d/and another", sizeof data));
    fs_disconnect(fs);
    block_disconnect(disk);
}

/* The contents of a file: so many bytes of one letter. */
struct content {
    char letter;
    size_t len;
};

static bool holds(struct fs *fs, const char *path, struct content c)
{
    static char data[20000];
    size_t got = 0;
    bool ok = fs_read(fs, path, 0, data, sizeof data, &got) == OK &&
              got == c.len;

    for (size_t i = 0; ok && i < got; i++)
        ok = data[i] == c.letter;
    return ok;
}

/* Cuts the power here. Before and after fsck.fat the file must be one of the
 * two. */
static bool is_either(const struct block *disk, const char *path,
                      const struct content c[2], size_t cut, uint64_t luck)
{
    size_t len = (size_t)disk->info.sectors * disk->info.sector_size;
    uint8_t *image = malloc(len);
    struct block *copy = power_connect(disk->info.sectors,
                                       disk->info.sector_size);
    struct fs *fs;
    bool ok = true;

    power_cut(disk, cut, luck, image);
    for (int round = 0; ok && round < 2; round++) {
        ok = block_write(copy, 0, image, (size_t)disk->info.sectors) == OK &&
             fat_connect(copy, &fs) == OK;
        if (!ok)
            break;
        ok = holds(fs, path, c[0]) || holds(fs, path, c[1]);
        if (!ok)
            printf("%s is neither, %s fsck.fat\n", path,
                   round ? "after" : "before");
        fs_disconnect(fs);
        ok =
            ok && (round || (transfer(disk, image, false) &&
                             fsck_mends(false) && transfer(disk, image, true)));
    }
    block_disconnect(copy);
    free(image);
    return ok;
}

static bool is_either_always(const struct block *disk, const char *path,
                             struct content old, struct content new)
{
    const struct content c[2] = {old, new};

    for (size_t cut = 0; cut <= power_steps(disk); cut++)
        for (uint64_t luck = 0; luck < 8; luck++)
            if (!is_either(disk, path, c, cut, luck)) {
                printf("power was cut after step %zu of %zu, luck %llu\n", cut,
                       power_steps(disk), (unsigned long long)luck);
                return false;
            }
    return true;
}

static void fill(struct fs *fs, const char *path, struct content c)
{
    char *data = malloc(c.len + 1);

    memset(data, c.letter, c.len);
    CHECK(fs_create(fs, path) == OK);
    CHECK(fs_write(fs, path, 0, data, c.len) == OK);
    free(data);
}

static const struct content old_file = {'o', 3000}, new_file = {'n', 1700};

/* Ways to make the new file. */
static void replace_flushed(struct fs *fs)
{
    CHECK(fs_rename(fs, "a new one", "dir/The File") == OK);
}

static void replace_at_once(struct fs *fs)
{
    fill(fs, "aside", new_file);
    CHECK(fs_rename(fs, "aside", "dir/The File") == OK);
}

static void replace_by_detours(struct fs *fs)
{
    CHECK(fs_rename(fs, "a new one", "dir/another name") == OK);
    CHECK(fs_rename(fs, "dir/another name", "third") == OK);
    CHECK(fs_rename(fs, "third", "dir/The File") == OK);
}

static void replace_twice(struct fs *fs)
{
    fill(fs, "aside", (struct content){'n', 1700});
    CHECK(fs_rename(fs, "aside", "dir/The File") == OK);
    CHECK(fs_rename(fs, "a new one", "dir/The File") == OK);
}

TEST(a_replaced_file_is_the_whole_old_or_new_one_after_any_power_cut)
{
    static void (*const ways[])(struct fs *) = {
        replace_flushed, replace_at_once, replace_by_detours, replace_twice};
    bool ok = true;

    begin();
    for (size_t i = 0; ok && i < 3 * 4; i++) {
        static const int types[] = {12, 16, 32};
        static const uint32_t sectors[] = {600, 4400, 66700};
        struct fat_options o = {.type = types[i / 4], .cluster_size = 512};
        struct block *disk = power_connect(sectors[i / 4], 512);
        struct fs *fs = NULL;

        if (i / 4 == 2 && !getenv("SOAK") && i % 4 != 1)
            goto next; /* each cut would copy 34 MB twice */
        CHECK(fat_format(disk, &o) == OK && fat_connect(disk, &fs) == OK);
        CHECK(fs_mkdir(fs, "dir") == OK);
        /* If both entries were in one sector they would change at once. */
        for (int k = 0; k < 20; k++) {
            char name[32];

            snprintf(name, sizeof name, "between %d", k);
            CHECK(fs_create(fs, name) == OK);
        }
        fill(fs, "dir/The File", old_file);
        fill(fs, "a new one", new_file);
        CHECK(fs_flush(fs) == OK);
        power_settle(disk);
        ways[i % 4](fs);
        CHECK(fs_flush(fs) == OK);
        CHECK(holds(fs, "dir/The File", new_file));
        ok = is_either_always(disk, "dir/The File", old_file, new_file);
        if (!ok)
            printf("FAT%d, way %zu\n", types[i / 4], i % 4);
        fs_disconnect(fs);
    next:
        block_disconnect(disk);
    }
    end(ok);
}

TEST(a_truncated_file_has_its_old_or_new_size_after_any_power_cut)
{
    static const size_t sizes[] = {1700, 512, 1, 0};
    struct fs *fs;
    bool ok = true;

    begin();
    for (size_t i = 0; ok && i < sizeof sizes / sizeof *sizes; i++) {
        struct block *disk = small(&fs);
        struct content new = {'o', sizes[i]};

        fill(fs, "file", old_file);
        CHECK(fs_flush(fs) == OK);
        power_settle(disk);
        CHECK(fs_truncate(fs, "file", sizes[i]) == OK);
        CHECK(fs_create(fs, "another") == OK);
        CHECK(fs_flush(fs) == OK);
        ok = is_either_always(disk, "file", old_file, new);
        fs_disconnect(fs);
        block_disconnect(disk);
    }
    end(ok);
}

TEST(a_fat12_chain_cut_in_two_sectors_survives_any_power_cut)
{
    static const struct content link = {'o', 1024}, one = {'o', 512};
    struct fs *fs;
    struct block *disk = small(&fs);
    char name[32];

    begin();
    /* The entry of cluster 341, the first of F339, is in two sectors. */
    for (int i = 0; i < 340; i++) {
        snprintf(name, sizeof name, "F%d", i);
        fill(fs, name, i == 339 ? link : one);
    }
    CHECK(fs_flush(fs) == OK);
    power_settle(disk);
    CHECK(fs_truncate(fs, "F339", 512) == OK);
    CHECK(fs_flush(fs) == OK);
    end(is_either_always(disk, "F339", link, one));
    fs_disconnect(fs);
    block_disconnect(disk);
}

/* A disk on which some writes fail during a commit. */
static bool stumbles(uint64_t number)
{
    size_t kind = number % 2;
    uint32_t size = kinds[kind].sector_size;
    struct block *disk = power_connect(kinds[kind].bytes / size, size);
    struct fat_options o = {.type = kinds[kind].type,
                            .cluster_size = kinds[kind].cluster_size};
    struct session s = {.random = number * 0x9e3779b97f4a7c15u,
                        .most = 9000};
    size_t failures = 0;
    bool ok = disk && fat_format(disk, &o) == OK;

    if (!ok || fat_connect(disk, &s.fs) != OK)
        return false;
    for (int i = 0; ok && i < 300; i++) {
        ok = session_step(&s);
        if (i % 10 == 0) {
            power_fail_after(disk, session_random(&s, 25));
            failures += fs_flush(s.fs) == ERR_IO;
            power_fail_after(disk, SIZE_MAX);
        }
    }
    ok = ok && failures > 5 && session_agrees(&s);
    fs_disconnect(s.fs);
    power_settle(disk);
    if (fat_connect(disk, &s.fs) != OK)
        return false;
    ok = ok && session_agrees(&s);
    fs_disconnect(s.fs);
    if (ok) {
        uint8_t *image = malloc(kinds[kind].bytes);

        power_cut(disk, 0, 1, image);
        ok = transfer(disk, image, false) && fsck("-n", is_silent) == 0;
        free(image);
    }
    block_disconnect(disk);
    session_end(&s);
    return ok;
}

TEST(a_flush_writes_what_a_failed_one_could_not)
{
    bool ok = true;

    begin();
    for (int64_t i = 0; ok && i < sessions; i++) {
        ok = stumbles((uint64_t)(seed + i));
        if (!ok)
            printf("in the session of seed %lld\n", (long long)(seed + i));
    }
    end(ok);
}
