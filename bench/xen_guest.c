/* SPDX-License-Identifier: ISC */
/*
 * The mirage guest of xen.plan: measures its disk, writes the results to the
 * console, and then runs example/netservices, which is linked with it.
 * xen_linux.c does the same.
 */
#include "xen_guest.h"
#include <mirage.h>
#include <stdlib.h>

#define MOST 32 /* the most fibers */

void measure(struct console *console, struct block *block,
             struct stackv4 *stack);
void start(struct console *console, struct stackv4 *stack);

static struct block *disk;
static bool is_write;
static uint64_t seed = XEN_SEED;
static unsigned long done;
static nanoseconds end;

static void use(void *data)
{
    size_t count = XEN_BYTES / disk->info.sector_size;
    uint64_t places = disk->info.sectors / count;

    while (time_now() < end) {
        uint64_t sector = xen_place(&seed, places) * count;

        if (is_write ? block_write(disk, sector, data, count)
                     : block_read(disk, sector, data, count))
            panic("a request has failed");
        done++;
    }
}

static void measure_disk(struct console *console, size_t depth, uint8_t *data)
{
    struct fiber *user[MOST];
    nanoseconds begin = time_now();

    done = 0;
    end = begin + XEN_SECONDS * SECOND;
    for (size_t i = 0; i < depth; i++)
        if (fiber_spawn(NULL, use, data + i * XEN_BYTES, &user[i]))
            panic("there is no memory for fibers");
    for (size_t i = 0; i < depth; i++)
        if (fiber_join(user[i], FOREVER))
            panic("a fiber cannot be joined");
    console_log(console, "%s_%u %llu B/s", is_write ? "write" : "read",
                (unsigned)depth,
                (unsigned long long)(done * XEN_BYTES * SECOND /
                                     (time_now() - begin)));
}

void measure(struct console *console, struct block *block,
             struct stackv4 *stack)
{
    uint8_t *data = page_alloc(MOST * XEN_BYTES / PAGE_BYTES);

    if (!data)
        panic("there is no memory to read to");
    disk = block;
    if (time_sleep(XEN_PAUSE * SECOND) != OK)
        return;
    for (int write = 0; write < 2; write++) {
        is_write = write;
        measure_disk(console, 1, data);
        measure_disk(console, MOST, data);
    }
    start(console, stack);
}
