/* SPDX-License-Identifier: ISC */
/*
 * The contract of mirage/block.h, on every driver: random requests against a
 * model in memory, requests that must be refused, and many fibers at once.
 *
 *     block [--rounds=N] [--seed=N] [--one-engine]
 *
 * Disks that are files are tested with each engine; --block-engine=NAME and
 * --one-engine test one. SOAK in the environment: 100 times the rounds.
 */
#include "block_contract.h"
#include "check.h"
#include "power.h"
#include <mirage/boot.h>
#include <mirage/buf.h>
#include <mirage/drivers.h>
#include <mirage/fiber.h>
#include <stdlib.h>
#include <unistd.h>

#define SECTORS 300u

BOOT_NUMBER(rounds, 0, 0, 1000000, "of each make; 0: 3, or 300 with SOAK");
BOOT_NUMBER(seed, 1, 1, INT64_MAX, "of the first round");
BOOT_FLAG(one_engine, "only the engine that is chosen");

/* A driver that takes one page at a time, and checks the front's promises. */
struct narrow {
    struct block block; /* first */
    struct block *under;
};

static struct block *checked(struct block *b, uint64_t sector,
                             const void *data, size_t count)
{
    struct narrow *n = (struct narrow *)b;

    CHECK(count > 0 && count * b->info.sector_size <= PAGE_BYTES);
    CHECK(sector < b->info.sectors && count <= b->info.sectors - sector);
    CHECK((uintptr_t)data % PAGE_BYTES == 0);
    return n->under;
}

static enum status narrow_read(struct block *b, uint64_t sector, void *data,
                               size_t count)
{
    struct block *under = checked(b, sector, data, count);

    return under->ops->read(under, sector, data, count);
}

static enum status narrow_write(struct block *b, uint64_t sector,
                                const void *data, size_t count)
{
    struct block *under = checked(b, sector, data, count);

    return under->ops->write(under, sector, data, count);
}

static enum status narrow_discard(struct block *b, uint64_t sector,
                                  uint64_t count)
{
    struct block *under = ((struct narrow *)b)->under;

    CHECK(count > 0 && sector < SECTORS && count <= SECTORS - sector);
    return under->ops->discard(under, sector, count);
}

static enum status narrow_flush(struct block *b)
{
    return ((struct narrow *)b)->under->ops->flush(((struct narrow *)b)->under);
}

static void narrow_disconnect(struct block *b)
{
    struct narrow *n = (struct narrow *)b;

    block_disconnect(n->under);
    free(n);
}

static const struct block_ops narrow_ops = {
    .read = narrow_read,
    .write = narrow_write,
    .discard = narrow_discard,
    .flush = narrow_flush,
    .disconnect = narrow_disconnect,
    .most = PAGE_BYTES,
};

/* The drivers. */

static struct block *make_ram(uint32_t size)
{
    struct block *b;

    return block_ram_connect(SECTORS, size, &b) == OK ? b : NULL;
}

static struct block *make_power(uint32_t size)
{
    return power_connect(SECTORS, size);
}

static struct block *make_narrow(uint32_t size)
{
    struct narrow *n = malloc(sizeof *n);

    n->under = make_ram(size);
    n->block.ops = &narrow_ops;
    n->block.info = n->under->info;
    return &n->block;
}

/* A driver without discard. */
static struct block *make_keeping(uint32_t size)
{
    static struct block_ops ops;
    struct block *b = make_narrow(size);

    ops = narrow_ops;
    ops.discard = NULL;
    b->ops = &ops;
    return b;
}

static char file[] = "/tmp/block-XXXXXX";

static struct block *make_file(uint32_t size)
{
    struct block *b = NULL;
    int fd = mkstemp(strcpy(file, "/tmp/block-XXXXXX"));

    if (fd >= 0 && ftruncate(fd, SECTORS * size) == 0 &&
        block_unix_connect(file, &b) != OK)
        b = NULL;
    if (fd >= 0)
        close(fd);
    return b;
}

static const struct make {
    const char *name;
    struct block *(*connect)(uint32_t sector_size);
    uint32_t sector_size;
} makes[] = {{"block_ram, 512", make_ram, 512},
             {"block_ram, 1024", make_ram, 1024},
             {"block_ram, 2048", make_ram, 2048},
             {"block_ram, 4096", make_ram, 4096},
             {"power", make_power, 512},
             {"a page at a time, 512", make_narrow, 512},
             {"a page at a time, 4096", make_narrow, 4096},
             {"no discard", make_keeping, 512},
             {"block_unix", make_file, 512}};

static void conform(const struct make *m, uint64_t number)
{
    struct block *b = m->connect(m->sector_size);

    CHECK(b != NULL && b->info.sectors == SECTORS && b->info.writable &&
          b->info.sector_size == m->sector_size);
    if (b) {
        CHECK(block_contract_failures(b, number) == 0);
        CHECK(block_contract_discarded() == (m->connect != make_keeping));
        block_disconnect(b);
    }
    if (m->connect == make_file)
        unlink(file);
}

TEST(every_driver_keeps_the_contract)
{
    if (rounds == 0)
        rounds = getenv("SOAK") ? 300 : 3;
    for (size_t i = 0; i < sizeof makes / sizeof *makes; i++)
        for (int64_t r = 0; r < rounds && checks_failed == 0; r++) {
            conform(&makes[i], (uint64_t)(seed + r));
            if (checks_failed > 0)
                printf("%s, seed %lld\n", makes[i].name,
                       (long long)(seed + r));
        }
}

/* Runs this program with these arguments. False: it fails, and not since the
 * host has no io_uring. */
static bool passes_with(const char *self, const char *words)
{
    char command[2048], line[512];
    FILE *said;
    bool is_lacking = false;

    snprintf(command, sizeof command,
             "'%s' --one-engine --block-engine=%s --seed=%lld 2>&1", self,
             words, (long long)seed + 100);
    said = popen(command, "r");
    while (said && fgets(line, sizeof line, said)) {
        is_lacking |= strstr(line, "there is no io_uring here") != NULL;
        fprintf(stderr, "    %s", line);
    }
    return (said && pclose(said) == 0) || is_lacking;
}

/* With O_DIRECT an engine is given other requests. */
TEST(every_engine_keeps_the_contract)
{
    static const char *const others[] = {"uring", "threads",
                                         "uring --block-cached",
                                         "threads --block-cached"};
    char self[1024];
    ssize_t len = readlink("/proc/self/exe", self,
                           sizeof self - 1);

    CHECK(len > 0);
    self[len > 0 ? len : 0] = '\0';
    for (size_t i = 0; !one_engine && i < 4; i++)
        if (!passes_with(self, others[i])) {
            printf("with --block-engine=%s\n", others[i]);
            CHECK(!"it keeps it");
        }
}

TEST(a_read_only_disk_keeps_its_part_of_the_contract)
{
    struct block *b = make_narrow(512);

    CHECK(block_contract_failures(b, (uint64_t)seed) == 0);
    b->info.writable = false;
    CHECK(block_contract_failures_read_only(b) == 0);
    block_disconnect(b);
}

/* power.h: flushed sectors are there, others may be. */
TEST(a_power_cut_keeps_what_was_flushed_and_any_of_the_rest)
{
    struct block *b = power_connect(4, 512);
    uint8_t sector[512], image[4 * 512];
    unsigned seen = 0;

    for (uint8_t i = 1; i <= 4; i++) {
        memset(sector, i, sizeof sector);
        CHECK(block_write(b, i % 4u, sector, 1) == OK);
        if (i == 2)
            CHECK(block_flush(b) == OK);
    }
    CHECK(power_steps(b) == 5);
    for (uint64_t luck = 0; luck < 200; luck++) {
        power_cut(b, 5, luck, image);
        CHECK(image[512] == 1 && image[1024] == 2);
        CHECK((image[1536] == 0 || image[1536] == 3) &&
              (image[0] == 0 || image[0] == 4));
        seen |= 1u << ((image[1536] != 0) + 2 * (image[0] != 0));
    }
    CHECK(seen == 15);
    power_cut(b, 5, 0, image);
    CHECK(image[1536] == 0 && image[0] == 0);
    power_cut(b, 5, 1, image);
    CHECK(image[1536] == 3 && image[0] == 4);
    power_cut(b, 2, 0, image);
    CHECK(image[512] == 0 && image[1024] == 0);
    power_fail_after(b, 1);
    CHECK(block_write(b, 0, sector, 2) == ERR_IO);
    CHECK(block_flush(b) == ERR_IO);
    power_fail_after(b, SIZE_MAX);
    CHECK(block_flush(b) == OK);
    block_disconnect(b);
}

TEST(a_power_cut_may_keep_or_lose_what_was_discarded)
{
    struct block *b = power_connect(2, 512);
    uint8_t sector[512], image[2 * 512];
    unsigned kept = 0;

    memset(sector, 1, sizeof sector);
    CHECK(block_write(b, 0, sector, 1) == OK && block_flush(b) == OK);
    CHECK(block_discard(b, 0, 2) == OK);
    CHECK(block_write(b, 1, sector, 1) == OK);
    CHECK(power_steps(b) == 5);
    for (uint64_t luck = 0; luck < 50; luck++) {
        power_cut(b, 5, luck, image);
        kept += image[0] == 1;
    }
    CHECK(kept > 0 && kept < 50);
    CHECK(block_flush(b) == OK);
    power_cut(b, 6, 0, image);
    CHECK(image[0] != 1 && image[512] == 1);
    block_disconnect(b);
}
