/* SPDX-License-Identifier: ISC */
/*
 * Always busy when it is saved: it writes to its disk, reads that back, and
 * echoes the data of a TCP connection.
 */
#include <mirage.h>
#include <string.h>

#define WRITERS 4
#define PIECE   64u /* sectors */
#define SECTOR  512u

struct writer {
    struct block *disk;
    uint64_t at;
    uint8_t data[PIECE * SECTOR], back[PIECE * SECTOR];
    unsigned rounds, wrong;
    enum status failed;
    struct waiters *all;
};

static void fill(struct writer *w)
{
    for (size_t i = 0; i < sizeof w->data; i++)
        w->data[i] = (uint8_t)(w->rounds + w->at + i * 7 + i / SECTOR);
}

static void write_on(void *ctx)
{
    struct writer *w = ctx;

    for (;;) {
        fill(w);
        w->failed = block_write(w->disk, w->at, w->data, PIECE);
        if (w->failed == OK)
            w->failed = block_read(w->disk, w->at, w->back, PIECE);
        if (w->failed != OK)
            return;
        w->wrong += memcmp(w->data, w->back, sizeof w->data) != 0;
        w->rounds++;
        if (time_sleep(10 * MILLISECOND) != OK)
            return;
    }
}

void keep(struct console *c, struct block *disk)
{
    static struct writer writer[WRITERS];
    unsigned rounds = 0, wrong = 0, failed = 0;
    struct fiber *fiber[WRITERS];
    uint64_t second = 0;

    for (unsigned i = 0; i < WRITERS; i++) {
        static const struct fiber_options options = {"writer", 0};

        writer[i].disk = disk;
        writer[i].at = i * PIECE;
        if (fiber_spawn(&options, write_on, &writer[i], &fiber[i]) != OK)
            panic("no fiber");
    }
    do
        console_log(c, "second %llu", (unsigned long long)second++);
    while (time_sleep(SECOND) == OK);
    for (unsigned i = 0; i < WRITERS; i++) {
        rounds += writer[i].rounds;
        wrong += writer[i].wrong;
        failed += writer[i].failed != OK;
    }
    console_log(c, "%s rounds, %u wrong, %u failed",
                rounds > 50 ? "many" : "few", wrong, failed);
}

static void answer(void *ctx, struct flow *flow, struct endpoint peer)
{
    struct buf *data;

    (void)ctx, (void)peer;
    while (flow_read(flow, &data, FOREVER) == OK)
        if (flow_write_bufs(flow, data, FOREVER) != OK)
            break;
}

void echo(struct stackv4 *stack)
{
    stackv4_listen_tcp(stack, 7, answer, NULL);
    if (stackv4_run(stack) != ERR_CANCELLED)
        panic("the stack is gone");
}
