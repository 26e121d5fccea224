/* SPDX-License-Identifier: ISC */
#include "block_unix.c"
#include <mirage/random.h>
#include "check.h"

#define SECTORS 2000
#define FIBERS  16

static char path[] = "/tmp/mirage-XXXXXX";

static void new_file(void)
{
    int fd;

    strcpy(path, "/tmp/mirage-XXXXXX");
    fd = mkstemp(path);
    CHECK(fd >= 0 && ftruncate(fd, SECTORS * 512) == 0);
    close(fd);
}

static uint8_t       model[SECTORS * 512];
static struct block *disk;

/* Each fiber has a part of the disk to itself. */
static void use_part(void *ctx)
{
    enum { PART = SECTORS / FIBERS };
    static uint8_t own[FIBERS][PART * 512 + 1];
    unsigned       number = (unsigned)(uintptr_t)ctx;
    uint64_t       from = (uint64_t)number * PART;
    uint8_t       *data = own[number];

    for (int i = 0; i < 50; i++) {
        uint64_t at = random_below(PART);
        size_t   n = random_below((uint32_t)(PART - at)) + 1;
        uint8_t *m = model + (from + at) * 512;

        data = own[number] + random_below(2);
        if (random_below(2)) {
            for (size_t k = 0; k < n * 512; k++)
                m[k] = data[k] = (uint8_t)(k * 7 + (size_t)i);
            CHECK(block_write(disk, from + at, data, n) == OK);
        } else {
            CHECK(block_read(disk, from + at, data, n) == OK);
            CHECK(memcmp(data, m, n * 512) == 0);
        }
        if (i % 10 == 0)
            CHECK(block_flush(disk) == OK);
    }
}

TEST(many_fibers_use_one_disk)
{
    struct fiber  *f[FIBERS];
    static uint8_t found[sizeof model];
    int            fd;

    new_file();
    CHECK(block_unix_connect(path, &disk) == OK);
    CHECK(disk->info.sectors == SECTORS && disk->info.sector_size == 512);
    CHECK(disk->info.writable);
    for (uintptr_t i = 0; i < FIBERS; i++)
        CHECK(fiber_spawn(NULL, use_part, (void *)i, &f[i]) == OK);
    for (int i = 0; i < FIBERS; i++)
        CHECK(fiber_join(f[i], FOREVER) == OK);
    fd = open(path, O_RDONLY);
    CHECK(read(fd, found, sizeof found) == (ssize_t)sizeof found);
    close(fd);
    CHECK(memcmp(found, model, sizeof found) == 0);
    disk->ops->disconnect(disk);
    unlink(path);
}

TEST(a_disk_is_written_by_one_at_a_time)
{
    struct block *other;

    new_file();
    CHECK(block_unix_connect(path, &disk) == OK);
    CHECK(block_unix_connect(path, &other) == ERR_IN_USE);
    disk->ops->disconnect(disk);
    CHECK(block_unix_connect(path, &disk) == OK);
    disk->ops->disconnect(disk);
    unlink(path);
}

TEST(a_file_that_shrinks_is_a_failing_disk)
{
    uint8_t data[1024];

    new_file();
    CHECK(block_unix_connect(path, &disk) == OK);
    CHECK(truncate(path, 512 * 1000 + 100) == 0);
    CHECK(block_read(disk, 999, data, 1) == OK);
    CHECK(block_read(disk, 999, data, 2) == ERR_IO);
    CHECK(block_read(disk, SECTORS - 1, data, 1) == ERR_IO);
    CHECK(block_read(disk, 0, data, 2) == OK);
    CHECK(block_write(disk, SECTORS - 1, data, 1) == OK); /* it grows again */
    CHECK(block_read(disk, SECTORS - 1, data, 1) == OK);
    disk->ops->disconnect(disk);
    unlink(path);
}

TEST(what_is_no_disk_is_refused)
{
    CHECK(block_unix_connect("/nowhere/at/all", &disk) == ERR_NOT_FOUND);
    CHECK(block_unix_connect("/tmp", &disk) == ERR_IS_DIRECTORY);
    CHECK(block_unix_connect("/dev/null", &disk) == ERR_UNSUPPORTED);
    new_file();
    CHECK(truncate(path, 1000) == 0);
    CHECK(block_unix_connect(path, &disk) == ERR_FORMAT);
    unlink(path);
}

static void read_all(void *ctx)
{
    static uint8_t data[SECTORS * 512];

    *(enum status *)ctx = block_read(disk, 0, data, SECTORS);
}

TEST(a_cancelled_fiber_leaves_nothing_under_way)
{
    struct fiber *f;
    enum status   s = OK;

    new_file();
    CHECK(block_unix_connect(path, &disk) == OK);
    CHECK(fiber_spawn(NULL, read_all, &s, &f) == OK);
    fiber_yield();
    fiber_yield();
    fiber_cancel(f);
    CHECK(fiber_join(f, FOREVER) == OK);
    CHECK(s == OK || s == ERR_CANCELLED);
    disk->ops->disconnect(disk);
    unlink(path);
}
