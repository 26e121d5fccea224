/* SPDX-License-Identifier: ISC */
/*
 * The mirage guest of virtio.plan whose disk is measured (virtio_guest.h).
 * virtio_linux.c does the same.
 */
#include "virtio_guest.h"
#include <mirage.h>
#include <stdlib.h>
#include <string.h>

void start(struct block *block, struct stackv4 *stack);

static struct block *disk;
static uint8_t *memory;
static struct disk_question question;
static uint64_t seed;
static unsigned long long done;
static nanoseconds end;

static void use(void *data)
{
    size_t count = question.bytes / disk->info.sector_size;
    uint64_t places = disk->info.sectors / count;

    while (time_now() < end) {
        uint64_t sector = disk_place(&seed, question.bytes, places) * count;

        if (question.is_write ? block_write(disk, sector, data, count)
                              : block_read(disk, sector, data, count))
            panic("a request has failed");
        done++;
    }
}

/* Returns how long it took. */
static nanoseconds use_disk(void)
{
    struct fiber *user[DISK_DEEPEST];
    nanoseconds begin = time_now();

    done = 0;
    seed = DISK_SEED;
    end = begin + question.milliseconds * MILLISECOND;
    for (size_t i = 0; i < question.depth; i++)
        if (fiber_spawn(NULL, use, memory + i * question.bytes, &user[i]))
            panic("there is no memory for fibers");
    for (size_t i = 0; i < question.depth; i++)
        if (fiber_join(user[i], FOREVER))
            panic("a fiber cannot be joined");
    return time_now() - begin;
}

static void serve(void *ctx, struct flow *flow, struct endpoint peer)
{
    enum status s = OK;
    struct buf *data;
    char line[80];

    (void)ctx, (void)peer;
    while (s == OK && (s = flow_read(flow, &data, FOREVER)) == OK) {
        size_t len = data->len < sizeof line - 1 ? data->len : sizeof line - 1;
        nanoseconds length;

        buf_copy_out(data, 0, line, len);
        line[len] = '\0';
        buf_free(data);
        if (!disk_parse(line, &question))
            return;
        length = use_disk();
        snprintf(line, sizeof line, "%llu %llu\n", done,
                 (unsigned long long)length);
        s = flow_write(flow, line, strlen(line), FOREVER);
    }
}

void start(struct block *block, struct stackv4 *stack)
{
    disk = block;
    memory = page_alloc(DISK_DEEPEST * DISK_LARGEST / PAGE_BYTES);
    if (!memory)
        panic("there is no memory to read to");
    stackv4_listen_tcp(stack, DISK_PORT, serve, NULL);
    if (stackv4_run(stack) != ERR_CANCELLED)
        exit(EXIT_FAILURE);
}
