/* SPDX-License-Identifier: ISC */
/*
 * Random sessions of calls on FAT volumes of all types. After each, fsck.fat
 * must find no fault, and mtools must read the names and contents that were
 * written.
 *
 *     fat [--sessions=N] [--seed=N]     SOAK in the environment: 1,000
 */
#include "check.h"
#include "fat_session.h"
#include <mirage/block.h>
#include <mirage/boot.h>
#include <mirage/fat.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

BOOT_NUMBER(sessions, 0, 0, 1000000, "how many; 0: 20, or 1000 with SOAK");
BOOT_NUMBER(seed, 1, 1, INT64_MAX, "of the first of them");

static char place[32];

static const struct {
    uint64_t bytes;
    uint32_t sector_size, cluster_size;
    int type;
    bool is_roomy;
} kinds[] = {
    {1 << 20, 512, 512, 12, false},
    {4 << 20, 512, 2048, 12, true},
    {15 << 20, 512, 4096, 12, true},
    {3 << 20, 512, 512, 16, false},
    {32 << 20, 512, 2048, 16, true},
    {34 << 20, 512, 512, 32, true},
    {8 << 20, 1024, 4096, 12, true},
    {16 << 20, 2048, 2048, 16, true},
    {64 << 20, 4096, 4096, 16, true},
    {270 << 20, 4096, 4096, 32, true},
};

/* fsck.fat prints nothing but its name and how full the volume is. */
#define SOUND "fsck.fat -n disk && [ $(wc -l <log) = 2 ]"

static int run(const char *command)
{
    char line[1024];

    snprintf(line, sizeof line,
             "PATH=$PATH:/usr/sbin; cd %s && (%s) >log 2>&1", place, command);
    return system(line);
}

static void show_log(void)
{
    if (run("head -c 2000 log >shown; cat shown >&2") == 0)
        printf("(what it said is above)\n");
}

static bool save(const struct block *disk)
{
    char path[64];
    FILE *out;
    uint8_t *sector = malloc(1 << 16);
    uint64_t count = (1 << 16) / disk->info.sector_size;
    bool ok = true;

    snprintf(path, sizeof path, "%s/disk", place);
    out = fopen(path, "w");
    for (uint64_t i = 0; out && i < disk->info.sectors; i += count) {
        size_t n = (size_t)(disk->info.sectors - i < count
                                ? disk->info.sectors - i
                                : count);
        bool is_zero = true;

        if (block_read((struct block *)(uintptr_t)disk, i, sector, n) != OK)
            return false;
        for (size_t k = 0; is_zero && k < n * disk->info.sector_size; k++)
            is_zero = sector[k] == 0;
        if (is_zero)
            ok = fseek(out, (long)(n * disk->info.sector_size), SEEK_CUR) == 0;
        else
            ok = fwrite(sector, disk->info.sector_size, n, out) == n;
        if (!ok)
            break;
    }
    free(sector);
    return out && fclose(out) == 0 && ok &&
           truncate(path, (off_t)(disk->info.sectors *
                                  disk->info.sector_size)) == 0;
}

/* Writes the model as files of the host. */
static bool spread(const struct tree *t, const char *dir)
{
    char path[2048];

    for (int is_file = 0; is_file < 2; is_file++)
        for (size_t i = 0; i < t->count; i++) {
            FILE *out;
            size_t size;

            if (t->node[i].is_directory == (is_file != 0))
                continue;
            snprintf(path, sizeof path, "%s/%s/%s", place, dir,
                     t->node[i].path);
            if (is_file) {
                out = fopen(path, "w");
                size = t->node[i].len;
                if (!out || fwrite(t->node[i].data, 1, size, out) != size ||
                    fclose(out) != 0)
                    return false;
                continue;
            }
            /* Parents come first, since they are shorter. */
            for (char *c = path + strlen(place) + strlen(dir) + 2; *c; c++)
                if (*c == '/') {
                    *c = '\0';
                    mkdir(path, 0755);
                    *c = '/';
                }
            mkdir(path, 0755);
        }
    return true;
}

static bool others_agree(const struct session *s, const struct block *disk)
{
    if (run("rm -rf wanted found; mkdir wanted found") != 0 || !save(disk) ||
        !spread(&s->tree, "wanted")) {
        printf("the host has no room\n");
        return false;
    }
    if (run(SOUND) != 0) {
        printf("fsck.fat finds faults\n");
        show_log();
        return false;
    }
    if (s->tree.count == 0)
        return true;
    if (run("LC_ALL=C.UTF-8 MTOOLS_SKIP_CHECK=1 "
            "mcopy -s -Q -n -i disk ::/ found && diff -r wanted found") != 0) {
        printf("mtools find something else\n");
        show_log();
        return false;
    }
    return true;
}

static bool session(uint64_t number)
{
    size_t kind = number % (sizeof kinds / sizeof *kinds);
    struct block *disk;
    struct fat_options o = {.type = kinds[kind].type,
                            .cluster_size = kinds[kind].cluster_size};
    struct session s = {.random = number * 0x9e3779b97f4a7c15u,
                        .most = 60000,
                        .is_roomy = kinds[kind].is_roomy};
    bool ok;

    if (block_ram_connect(kinds[kind].bytes / kinds[kind].sector_size,
                          kinds[kind].sector_size, &disk) != OK)
        return false;
    ok = fat_format(disk, &o) == OK;
    if (fat_connect(disk, &s.fs) != OK)
        return false;
    for (int round = 0; ok && round < 3; round++) {
        uint32_t steps = 20 + session_random(&s, 120);

        while (ok && steps-- > 0)
            ok = session_step(&s);
        if (ok && session_random(&s, 2))
            ok = session_agrees(&s);
        fs_disconnect(s.fs);
        if (fat_connect(disk, &s.fs) != OK)
            return false;
        ok = ok && session_agrees(&s) && others_agree(&s, disk);
    }
    fs_disconnect(s.fs);
    block_disconnect(disk);
    session_end(&s);
    return ok;
}

/* Makes a folder for the image; it is removed if all tests pass. */
static void begin(void)
{
    CHECK(mkdtemp(strcpy(place, "/tmp/fat-XXXXXX")) != NULL);
}

static void end(void)
{
    if (checks_failed == 0 && run("rm -rf disk found wanted shown log") == 0)
        rmdir(place);
    else
        printf("what is left is in %s\n", place);
}

TEST(fsck_and_mtools_agree_with_random_sessions_of_changes)
{
    begin();
    if (sessions == 0)
        sessions = getenv("SOAK") ? 1000 : 20;
    for (int64_t i = 0; i < sessions; i++)
        if (!session((uint64_t)(seed + i))) {
            printf("in the session of seed %lld\n", (long long)(seed + i));
            CHECK(!"they agree");
            break;
        }
    end();
}

/* Changes bytes of the FAT, of the root directory and after it. */
static void damage(struct session *s, struct block *disk)
{
    uint8_t sector[512];
    uint32_t changes = 1 + session_random(s, 12);

    while (changes-- > 0) {
        uint64_t at = 1 + session_random(s, 100);

        if (block_read(disk, at, sector, 1) != OK)
            abort();
        for (uint32_t i = session_random(s, 4); i < 4; i++)
            sector[session_random(s, 512)] = (uint8_t)session_random(s, 256);
        if (block_write(disk, at, sector, 1) != OK)
            abort();
    }
}

static bool load(struct block *disk)
{
    char path[64];
    size_t len = (size_t)disk->info.sectors * disk->info.sector_size;
    uint8_t *image = malloc(len);
    FILE *in;
    bool ok;

    snprintf(path, sizeof path, "%s/disk", place);
    in = fopen(path, "r");
    ok = in && fread(image, 1, len, in) == len &&
         block_write(disk, 0, image, (size_t)disk->info.sectors) == OK;
    if (in)
        fclose(in);
    free(image);
    return ok;
}

struct names {
    struct fs *fs;
    char dir[1024];
    char *path[200];
    size_t count;
};

static bool collect(void *ctx, const char *name, const struct fs_stat *st)
{
    struct names *n = ctx;
    size_t len = strlen(n->dir);

    if (n->count == 200 || len + strlen(name) > 900)
        return false;
    strcat(strcat(n->dir, len ? "/" : ""), name);
    n->path[n->count++] = strdup(n->dir);
    if (st->directory && fs_list(n->fs, n->dir, collect, n) != OK)
        return false;
    n->dir[len] = '\0';
    return true;
}

/* Writes to all files and directories; any call may fail. */
static bool disturb(struct session *s)
{
    static uint8_t bytes[5000];
    struct names n = {.fs = s->fs};
    bool ok = fs_list(s->fs, "", collect, &n) == OK;

    for (int i = 0; ok && i < 80; i++) {
        uint32_t k = n.count ? session_random(s, (uint32_t)n.count) : 0;
        const char *path = n.count ? n.path[k] : "a";
        char other[1200];
        enum status is = OK;

        sprintf(other, "%s%u", path, session_random(s, 5));
        switch (session_random(s, 6)) {
        case 0:
            is = fs_create(s->fs, other);
            break;
        case 1:
            is = fs_mkdir(s->fs, other);
            break;
        case 2:
            is = fs_remove(s->fs, path);
            break;
        case 3:
            is = fs_rename(s->fs, path, other);
            break;
        default:
            is = fs_write(s->fs, path, session_random(s, 9000), bytes,
                          session_random(s, sizeof bytes));
        }
        if (is == ERR_CORRUPT || is == ERR_IO) {
            printf("%s: %s\n", path, status_text(is));
            ok = false;
        }
    }
    while (n.count > 0)
        free(n.path[--n.count]);
    return ok && fs_flush(s->fs) == OK;
}

/* 1: the volume is sound; 0: fsck.fat could not repair it; -1: it is not sound.
 */
static int mended(uint64_t number)
{
    struct block *disk;
    struct fat_options o = {.type = number % 2 ? 12 : 16,
                            .cluster_size = 512};
    struct session s = {.random = number * 0x9e3779b97f4a7c15u,
                        .most = 9000};
    int result = -1;

    if (block_ram_connect(number % 2 ? 1500 : 5000, 512, &disk) != OK ||
        fat_format(disk, &o) != OK || fat_connect(disk, &s.fs) != OK)
        return -1;
    for (int i = 0; i < 100; i++)
        if (!session_step(&s))
            return -1;
    fs_disconnect(s.fs);
    damage(&s, disk);
    if (!save(disk))
        return -1;
    for (int i = 0; i < 6 && run("fsck.fat -a disk") != 0; i++)
        continue;
    if (run(SOUND) != 0)
        result = 0;
    else if (load(disk) && fat_connect(disk, &s.fs) == OK) {
        if (disturb(&s))
            result = 1;
        fs_disconnect(s.fs);
        if (!save(disk) || run(SOUND) != 0)
            result = -1;
        if (result < 0)
            show_log();
    }
    block_disconnect(disk);
    session_end(&s);
    return result;
}

TEST(a_volume_repaired_by_fsck_stays_sound_when_written_to)
{
    int64_t count = sessions, good = 0;

    begin();
    for (int64_t i = 0; i < count; i++) {
        int result = mended((uint64_t)(seed + i));

        good += result > 0;
        if (result < 0) {
            printf("in the session of seed %lld\n", (long long)(seed + i));
            CHECK(!"it stays sound");
            break;
        }
    }
    CHECK(good >= count / 2);
    end();
}
