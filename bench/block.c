/* SPDX-License-Identifier: ISC */
/*
 * Measures a disk that is a file: --depth fibers have one request of --bytes in
 * flight each, for --milliseconds.
 */
#include "measure.h"
#include <mirage/block.h>
#include <mirage/boot.h>
#include <mirage/buf.h>
#include <mirage/drivers.h>
#include <mirage/fiber.h>
#include <mirage/main.h>
#include <mirage/random.h>

const char mirage_name[] = "block";

BOOT_STRING(file, "disk.img", "the disk");
BOOT_STRING(figure, "block", "what the figure is called");
BOOT_NUMBER(depth, 1, 1, 64, "fibers");
BOOT_NUMBER(bytes, 4096, 512, 1048576, "of a request");
BOOT_NUMBER(milliseconds, 1000, 1, 100000, "how long to measure");
BOOT_FLAG(scattered, "requests at random places, and not one after another");
BOOT_FLAG(writing, "write, and do not read");

static struct block *disk;
static uint64_t next, places;
static uint64_t seed;
static unsigned long done;
static nanoseconds end;
static bool is_over;

/* A pseudo-random generator that is as simple as that of fio. */
static uint64_t choose_place(void)
{
    if (!scattered)
        return next++ % places;
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % places;
}

static void use(void *data)
{
    size_t count = (size_t)bytes / disk->info.sector_size;

    while (!is_over) {
        uint64_t sector = choose_place() * count;

        if (writing ? block_write(disk, sector, data, count)
                    : block_read(disk, sector, data, count))
            give_up("a request has failed");
        if (++done % 16 == 0 && time_now() >= end)
            is_over = true;
    }
}

void mirage_main(void)
{
    size_t len = (size_t)(depth * bytes);
    size_t pages = (len + PAGE_BYTES - 1) / PAGE_BYTES;
    char *data = page_alloc(pages);
    struct fiber *user[64];
    struct moment start, now;

    connected(block_unix_connect(file, &disk), file);
    places = disk->info.sectors * disk->info.sector_size / (uint64_t)bytes;
    random_bytes(&seed, sizeof seed);
    seed |= 1;
    if (!data)
        give_up("there is no memory to read to");
    for (int64_t i = 0; i < depth; i++) {
        memset(data + i * bytes, (int)i + 1, (size_t)bytes);
        if (fiber_spawn(NULL, use, data + i * bytes, &user[i]))
            give_up("there is no memory for fibers");
    }
    start = moment_now();
    end = time_after((nanoseconds)milliseconds * MILLISECOND);
    for (int64_t i = 0; i < depth; i++)
        if (fiber_join(user[i], FOREVER))
            give_up("a fiber cannot be joined");
    now = moment_now();
    printf("%s %.9g B/s\n", figure,
           (double)done * (double)bytes / (now.wall - start.wall));
    printf("%s_cpu %.9g s\n", figure, (now.cpu - start.cpu) / (double)done);
    fflush(stdout);
}
