/* SPDX-License-Identifier: ISC */
/* Disks that are files of the host: both engines, and one that fails. */
#include "block_unix.c"
#include "events.h"
#include <mirage/random.h>
#include <sys/resource.h>
#include "check.h"

#define SECTORS 2000
#define FIBERS  16
#define CROWD   600 /* fibers; more than the ring has entries */

static char path[] = "/tmp/mirage-XXXXXX";

static void new_file(void)
{
    int fd;

    strcpy(path, "/tmp/mirage-XXXXXX");
    fd = mkstemp(path);
    CHECK(fd >= 0 && ftruncate(fd, SECTORS * 512) == 0);
    close(fd);
}

/* Runs test on each engine that works, with O_DIRECT and with the cache. */
static void on_each(void (*test)(void))
{
    static enum status started[] = {ERR_TIMEOUT, ERR_TIMEOUT}; /* not started */

    for (size_t i = 0; i < sizeof engines / sizeof engines[0]; i++) {
        engine = NULL;
        chosen = engines[i];
        if (started[i] == ERR_TIMEOUT)
            started[i] = start_engine();
        if (started[i] == ERR_UNSUPPORTED && engines[i] == &uring_engine)
            continue;
        CHECK(started[i] == OK);
        engine = engines[i];
        for (int cached = 0; cached < 2; cached++) {
            block_cached = cached;
            test();
        }
    }
    block_cached = false;
}

static uint8_t model[SECTORS * 512];
static struct block *disk;

/* Each fiber has its own part of the disk. */
static void use_part(void *ctx)
{
    enum { PART = SECTORS / FIBERS };
    static uint8_t own[FIBERS][PART * 512 + 1];
    unsigned number = (unsigned)(uintptr_t)ctx;
    uint64_t from = (uint64_t)number * PART;
    uint8_t *data = own[number];

    for (int i = 0; i < 50; i++) {
        uint64_t at = random_below(PART);
        size_t n = random_below((uint32_t)(PART - at)) + 1;
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

/* align: the alignment that O_DIRECT is said to need; 0: the real one. */
static void use_parts(size_t align)
{
    struct fiber *f[FIBERS];
    static uint8_t found[sizeof model];
    int fd;

    new_file();
    CHECK(block_unix_connect(path, &disk) == OK);
    CHECK(disk->info.sectors == SECTORS && disk->info.sector_size == 512);
    CHECK(disk->info.writable);
    if (align)
        disk_of(disk)->align = align;
    memset(model, 0, sizeof model);
    for (uintptr_t i = 0; i < FIBERS; i++)
        CHECK(fiber_spawn(NULL, use_part, (void *)i, &f[i]) == OK);
    for (int i = 0; i < FIBERS; i++)
        CHECK(fiber_join(f[i], FOREVER) == OK);
    fd = open(path, O_RDONLY);
    CHECK(read(fd, found, sizeof found) == (ssize_t)sizeof found);
    close(fd);
    CHECK(memcmp(found, model, sizeof found) == 0);
    block_disconnect(disk);
    unlink(path);
}

static void use_parts_as_they_are(void)
{
    use_parts(0);
}

TEST(many_fibers_use_one_disk)
{
    on_each(use_parts_as_they_are);
}

static void use_large_parts(void)
{
    use_parts(PAGE);
}

TEST(requests_that_the_host_refuses_with_o_direct_go_through_its_cache)
{
    on_each(use_large_parts);
}

static bool has_heard;

static void listen(void *fd)
{
    CHECK(events_wait((int)(uintptr_t)fd, false, FOREVER) == OK);
    has_heard = true;
}

static void read_until_heard(void *left)
{
    static _Alignas(PAGE) uint8_t data[2][PAGE];

    for (unsigned *n = left; !has_heard && *n > 0; --*n)
        CHECK(block_read(disk, *n % 100 * 8, data[*n % 2], 8) == OK);
}

/* Reads never block if the cache has all sectors. */
static void read_and_listen(void)
{
    unsigned left[2] = {10000, 10000};
    struct fiber *f[3];
    int ends[2];

    new_file();
    has_heard = false;
    CHECK(pipe(ends) == 0);
    CHECK(block_unix_connect(path, &disk) == OK);
    CHECK(fiber_spawn(NULL, listen, (void *)(uintptr_t)ends[0], &f[2]) == OK);
    for (int i = 0; i < 2; i++)
        CHECK(fiber_spawn(NULL, read_until_heard, &left[i], &f[i]) == OK);
    for (int i = 0; i < 10; i++)
        fiber_yield();
    CHECK(write(ends[1], "x", 1) == 1);
    for (int i = 0; i < 2; i++)
        CHECK(fiber_join(f[i], FOREVER) == OK);
    CHECK(has_heard && left[0] > 0 && left[1] > 0);
    CHECK(fiber_join(f[2], FOREVER) == OK);
    close(ends[0]);
    close(ends[1]);
    block_disconnect(disk);
    unlink(path);
}

TEST(other_events_are_seen_while_requests_complete)
{
    on_each(read_and_listen);
}

static void write_and_read(void *ctx)
{
    static _Alignas(PAGE) uint8_t sector[CROWD][SECTOR];
    unsigned i = (unsigned)(uintptr_t)ctx;

    memset(sector[i], (int)i, SECTOR);
    CHECK(block_write(disk, i, sector[i], 1) == OK);
    memset(sector[i], 0, SECTOR);
    CHECK(block_read(disk, i, sector[i], 1) == OK);
    CHECK(sector[i][0] == (uint8_t)i && sector[i][SECTOR - 1] == (uint8_t)i);
}

static void crowd(void)
{
    static struct fiber *f[CROWD];

    new_file();
    CHECK(block_unix_connect(path, &disk) == OK);
    for (uintptr_t i = 0; i < CROWD; i++)
        CHECK(fiber_spawn(NULL, write_and_read, (void *)i, &f[i]) == OK);
    for (int i = 0; i < CROWD; i++)
        CHECK(fiber_join(f[i], FOREVER) == OK);
    block_disconnect(disk);
    unlink(path);
}

TEST(more_requests_than_the_ring_has_entries_complete)
{
    on_each(crowd);
}

TEST(a_disk_has_one_writer_at_a_time)
{
    struct block *other;

    new_file();
    CHECK(block_unix_connect(path, &disk) == OK);
    CHECK(block_unix_connect(path, &other) == ERR_IN_USE);
    block_disconnect(disk);
    CHECK(block_unix_connect(path, &disk) == OK);
    block_disconnect(disk);
    unlink(path);
}

static void shrink(void)
{
    uint8_t data[1024] = {0};

    new_file();
    CHECK(block_unix_connect(path, &disk) == OK);
    CHECK(truncate(path, 512 * 1000 + 100) == 0);
    CHECK(block_read(disk, 999, data, 1) == OK);
    CHECK(block_read(disk, 999, data, 2) == ERR_IO);
    CHECK(block_read(disk, SECTORS - 1, data, 1) == ERR_IO);
    CHECK(block_read(disk, 0, data, 2) == OK);
    /* The file grows again. */
    CHECK(block_write(disk, SECTORS - 1, data, 1) == OK);
    CHECK(block_read(disk, SECTORS - 1, data, 1) == OK);
    block_disconnect(disk);
    unlink(path);
}

TEST(reads_beyond_the_end_of_a_file_that_shrank_fail)
{
    on_each(shrink);
}

/* Root can write to all files. */
static void use_as_nobody(void)
{
    bool is_root = geteuid() == 0;
    struct block *other;
    uint8_t data[SECTOR];

    new_file();
    CHECK(chmod(path, 0444) == 0);
    CHECK(!is_root || seteuid(65534) == 0);
    CHECK(block_unix_connect(path, &disk) == OK);
    CHECK(block_unix_connect(path, &other) == OK); /* readers share it */
    CHECK(!is_root || seteuid(0) == 0);
    CHECK(!disk->info.writable);
    CHECK(block_read(disk, SECTORS - 1, data, 1) == OK);
    CHECK(block_write(disk, 0, data, 1) == ERR_READ_ONLY);
    block_disconnect(disk);
    block_disconnect(other);
    unlink(path);
}

TEST(a_file_that_may_not_be_written_is_a_read_only_disk)
{
    on_each(use_as_nobody);
}

/* Discards 1 MB, and checks that the host's file has it less. */
static void give_room_back(void)
{
    static _Alignas(PAGE) uint8_t data[2048 * SECTOR];
    struct stat before, after;
    enum status s;

    new_file();
    CHECK(truncate(path, sizeof data) == 0);
    CHECK(block_unix_connect(path, &disk) == OK);
    memset(data, 1, sizeof data);
    CHECK(block_write(disk, 0, data, 2048) == OK && block_flush(disk) == OK);
    CHECK(stat(path, &before) == 0);
    s = block_discard(disk, 1, 2046);
    CHECK(s == OK || s == ERR_UNSUPPORTED); /* this file system has no holes */
    CHECK(block_flush(disk) == OK && stat(path, &after) == 0);
    CHECK(after.st_size == before.st_size);
    CHECK(s != OK || after.st_blocks <= before.st_blocks - 2000);
    CHECK(block_read(disk, 0, data, 2048) == OK);
    CHECK(data[SECTOR - 1] == 1 && data[2047 * SECTOR] == 1);
    block_disconnect(disk);
    unlink(path);
}

TEST(discarded_sectors_become_a_hole_in_the_file)
{
    on_each(give_room_back);
}

/* Replaces the disk's descriptors by those of a file that fails. */
static void replace_by(const char *name)
{
    int fd = open(name, O_RDWR);

    CHECK(fd >= 0 && dup2(fd, disk_of(disk)->fd) >= 0);
    if (disk_of(disk)->direct >= 0)
        CHECK(dup2(fd, disk_of(disk)->direct) >= 0);
    close(fd);
}

static void fail(void)
{
    static _Alignas(PAGE) uint8_t data[PAGE];

    new_file();
    CHECK(block_unix_connect(path, &disk) == OK);
    replace_by("/dev/full");
    CHECK(block_write(disk, 0, data, 1) == ERR_NO_SPACE);
    CHECK(block_write(disk, 8, data, 8) == ERR_NO_SPACE);
    CHECK(block_flush(disk) == ERR_IO);
    CHECK(block_discard(disk, 0, 8) == ERR_IO);
    replace_by("/proc/self/mem"); /* nothing is at its beginning */
    CHECK(block_read(disk, 0, data, 1) == ERR_IO);
    CHECK(block_read(disk, 0, data, 8) == ERR_IO);
    replace_by(path);
    CHECK(block_write(disk, 0, data, 8) == OK);
    CHECK(block_flush(disk) == OK);
    block_disconnect(disk);
    unlink(path);
}

TEST(a_full_disk_and_a_broken_one_are_errors)
{
    on_each(fail);
}

static void exceed(void)
{
    static _Alignas(PAGE) uint8_t data[PAGE];
    struct rlimit before, low;

    new_file();
    CHECK(getrlimit(RLIMIT_FSIZE, &before) == 0);
    low = before;
    low.rlim_cur = SECTOR * 1004;
    CHECK(block_unix_connect(path, &disk) == OK);
    CHECK(setrlimit(RLIMIT_FSIZE, &low) == 0);
    CHECK(block_write(disk, 992, data, 8) == OK);
    CHECK(block_write(disk, 1000, data, 8) == ERR_NO_SPACE); /* a half fits */
    CHECK(block_write(disk, 1008, data, 8) == ERR_NO_SPACE);
    CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0);
    CHECK(block_write(disk, 1008, data, 8) == OK);
    block_disconnect(disk);
    unlink(path);
}

TEST(a_limit_of_the_shell_is_a_full_disk)
{
    on_each(exceed);
}

/* An engine with short operations, each interrupted once before. */
static unsigned interruptions, refusals;

static void do_little(struct request *r)
{
    ssize_t n;

    do {
        off_t at = r->at + (off_t)r->done;
        size_t left = r->len - r->done;

        if (left > 100)
            left = 100;
        interruptions++;
        CHECK(!request_is_over(r, interruptions % 2 ? -EINTR : -EAGAIN));
        if (r->fd != r->plain) {
            refusals++;
            n = -EINVAL; /* as if O_DIRECT did not work */
        } else if (r->operation == READ)
            n = pread(r->fd, r->data + r->done, left, at);
        else
            n = pwrite(r->fd, r->data + r->done, left, at);
    } while (!request_is_over(r, n));
    request_finish(r);
}

static const struct engine little = {.how = "littles", .submit = do_little};

TEST(short_and_interrupted_operations_are_continued)
{
    static _Alignas(PAGE) uint8_t out[2 * PAGE], in[2 * PAGE];

    new_file();
    engine = &little;
    for (size_t i = 0; i < sizeof out; i++)
        out[i] = (uint8_t)(i * 31 / 7);
    CHECK(block_unix_connect(path, &disk) == OK);
    CHECK(block_write(disk, 16, out, 16) == OK);
    CHECK(interruptions == 2 * PAGE / 100 + 1 + refusals);
    CHECK(block_read(disk, 16, in, 16) == OK);
    CHECK(memcmp(in, out, sizeof in) == 0);
    CHECK((refusals > 0) == (disk_of(disk)->direct >= 0));
    CHECK(truncate(path, (off_t)20 * SECTOR) == 0);
    CHECK(block_read(disk, 16, in, 16) == ERR_IO);
    block_disconnect(disk);
    unlink(path);
}

TEST(engines_are_chosen_by_name)
{
    CHECK(!choose("threads") && chosen == &threads_engine);
    CHECK(!choose("uring") && chosen == &uring_engine);
    CHECK(!choose("auto") && chosen == NULL);
    CHECK_TEXT(choose("aio"), "uring, threads or auto");
}

TEST(files_that_cannot_be_disks_are_refused)
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

static void cancel(void)
{
    struct fiber *f;
    enum status s = OK;

    new_file();
    CHECK(block_unix_connect(path, &disk) == OK);
    CHECK(fiber_spawn(NULL, read_all, &s, &f) == OK);
    fiber_yield();
    fiber_yield();
    fiber_cancel(f);
    CHECK(fiber_join(f, FOREVER) == OK);
    CHECK(s == OK || s == ERR_CANCELLED);
    block_disconnect(disk);
    unlink(path);
}

TEST(a_cancelled_fiber_waits_for_its_request)
{
    on_each(cancel);
}
