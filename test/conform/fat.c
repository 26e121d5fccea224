/* SPDX-License-Identifier: ISC */
/*
 * Random sessions on FAT file systems of every kind; after each, fsck.fat must
 * find nothing to say, and mtools the names and bytes that were written.
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

static char place[] = "/tmp/fat-XXXXXX";

static const struct {
    uint64_t bytes;
    uint32_t sector_size, cluster_size;
    int      type;
    bool     is_roomy;
} kinds[] = {{1 << 20, 512, 512, 12, false}, {4 << 20, 512, 2048, 12, true}, {15 << 20, 512, 4096, 12, true}, {3 << 20, 512, 512, 16, false}, {32 << 20, 512, 2048, 16, true}, {34 << 20, 512, 512, 32, true}, {8 << 20, 1024, 4096, 12, true}, {16 << 20, 2048, 2048, 16, true}, {64 << 20, 4096, 4096, 16, true}, {270 << 20, 4096, 4096, 32, true}};

static int run(const char *command)
{
    char line[1024];

    snprintf(line, sizeof line, "PATH=$PATH:/usr/sbin; cd %s && (%s) >log 2>&1", place, command);
    return system(line);
}

static void show_log(void)
{
    if (run("head -c 2000 log >shown; cat shown >&2") == 0)
        printf("(what it said is above)\n");
}

static bool save(const struct block *disk)
{
    char     path[64];
    FILE    *out;
    uint8_t *sector = malloc(1 << 16);
    uint64_t count = (1 << 16) / disk->info.sector_size;
    bool     ok = true;

    snprintf(path, sizeof path, "%s/disk", place);
    out = fopen(path, "w");
    for (uint64_t i = 0; out && i < disk->info.sectors; i += count) {
        size_t n = (size_t)(disk->info.sectors - i < count
                                ? disk->info.sectors - i
                                : count);
        bool   is_zero = true;

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

/* The model as files of the host. */
static bool spread(const struct tree *t, const char *dir)
{
    char path[2048];

    for (int is_file = 0; is_file < 2; is_file++)
        for (size_t i = 0; i < t->count; i++) {
            FILE *out;

            if (t->node[i].is_directory == (is_file != 0))
                continue;
            snprintf(path, sizeof path, "%s/%s/%s", place, dir,
                     t->node[i].path);
            if (is_file) {
                out = fopen(path, "w");
                if (!out || fwrite(t->node[i].data, 1, t->node[i].len, out) != t->node[i].len ||
                    fclose(out) != 0)
                    return false;
                continue;
            }
            /* Parents first: they are shorter, and each is made when met. */
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
    if (run("fsck.fat -n disk") != 0) {
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
    size_t             kind = number % (sizeof kinds / sizeof *kinds);
    struct block      *disk;
    struct fat_options o = {.type = kinds[kind].type,
                            .cluster_size = kinds[kind].cluster_size};
    struct session     s = {.random = number * 0x9e3779b97f4a7c15u,
                            .most = 60000,
                            .is_roomy = kinds[kind].is_roomy};
    bool               ok;

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
        s.fs->ops->disconnect(s.fs);
        if (fat_connect(disk, &s.fs) != OK)
            return false;
        ok = ok && session_agrees(&s) && others_agree(&s, disk);
    }
    s.fs->ops->disconnect(s.fs);
    disk->ops->disconnect(disk);
    session_end(&s);
    return ok;
}

TEST(fsck_and_mtools_agree_with_all_that_was_written)
{
    if (!mkdtemp(place)) {
        CHECK(!"a folder can be had");
        return;
    }
    if (sessions == 0)
        sessions = getenv("SOAK") ? 1000 : 20;
    for (int64_t i = 0; i < sessions; i++)
        if (!session((uint64_t)(seed + i))) {
            printf("in the session of seed %lld\n", (long long)(seed + i));
            CHECK(!"they agree");
            break;
        }
    if (checks_failed == 0 && run("rm -rf disk found wanted shown log") == 0)
        rmdir(place);
    else
        printf("what is left is in %s\n", place);
}
