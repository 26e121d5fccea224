/* SPDX-License-Identifier: ISC */
/*
 * Uses its disk and its network while their backends are restarted.
 *
 * Fibers write the disk repeatedly, each its own part, and verify what they
 * wrote last. Port 7 echoes. A connection to port 9 ends the fibers: each word
 * of eight bytes then has its own number, and the result is sent. Port 13 says
 * whether the disk still exists.
 */
#include <mirage.h>
#include <stdio.h>
#include <string.h>

#define FIBERS 16
#define WORDS  512 /* of a request */

static struct block *disk;
static bool is_ending;
static unsigned running, rounds, wrong;
static struct waiters ended;

/* The value of word i of the disk in a round; 0 is the last round. */
static uint64_t word(uint64_t i, uint64_t round)
{
    return i + (round << 48);
}

static bool is_there(const uint64_t *data, uint64_t from, uint64_t round)
{
    for (uint64_t i = 0; i < WORDS; i++)
        if (data[i] != word(from + i, round))
            return false;
    return true;
}

static void look(uint64_t from, uint64_t round)
{
    static _Alignas(4096) uint64_t memory[FIBERS][WORDS];
    uint64_t *data = memory[from / WORDS % FIBERS];
    enum status s;

    s = block_read(disk, from / 64, data, WORDS / 64);
    if (s == OK && is_there(data, from, round))
        return;
    printf("round %u, word %u: %s\n", (unsigned)round, (unsigned)from,
           status_text(s));
    wrong++;
}

static void put(uint64_t from, uint64_t round)
{
    uint64_t data[WORDS];
    enum status s;

    for (uint64_t i = 0; i < WORDS; i++)
        data[i] = word(from + i, round);
    s = block_write(disk, from / 64, data, WORDS / 64);
    if (s == OK && round % 8 == 0)
        s = block_flush(disk);
    wrong += s != OK;
}

/* Writes and verifies every FIBERS-th piece of the disk. */
static void use_part(void *ctx)
{
    uint64_t first = (uintptr_t)ctx * WORDS;
    uint64_t end = disk->info.sectors * 64, round = 0;

    do {
        uint64_t before = round;

        round = is_ending ? 0 : round + 1;
        for (uint64_t at = first; at < end; at += (uint64_t)FIBERS * WORDS) {
            if (before > 0)
                look(at, before);
            put(at, round);
        }
        rounds++;
        if (time_sleep(5 * MILLISECOND) != OK)
            break; /* lets other fibers run: the processor is slow */
    } while (round > 0);
    running--;
    wake_all(&ended);
}

static void echo(void *ctx, struct flow *flow, struct endpoint peer)
{
    struct buf *b;

    (void)ctx;
    (void)peer;
    while (flow_read(flow, &b, FOREVER) == OK)
        if (flow_write_bufs(flow, b, FOREVER) != OK)
            return;
}

static void say(struct flow *flow, const char *text)
{
    if (flow_write(flow, text, strlen(text), FOREVER) != OK)
        printf("nobody listens\n");
}

static void end(void *ctx, struct flow *flow, struct endpoint peer)
{
    char text[80];

    (void)ctx;
    (void)peer;
    is_ending = true;
    while (running > 0)
        if (wait_until(&ended, FOREVER) != OK)
            return;
    snprintf(text, sizeof text, "%s, %u wrong\n",
             rounds > 2 * FIBERS ? "many rounds" : "few rounds", wrong);
    say(flow, text);
}

static void tell(void *ctx, struct flow *flow, struct endpoint peer)
{
    char data[512];

    (void)ctx;
    (void)peer;
    say(flow, status_text(block_read(disk, 0, data, 1)));
    say(flow, "\n");
}

/* Runs until it is asked to end, whatever happens to its devices. */
void start(struct block *b, struct stackv4 *s)
{
    disk = b;
    running = FIBERS;
    for (uintptr_t i = 0; i < FIBERS; i++)
        require(fiber_start(use_part, (void *)i) == OK);
    require(stackv4_listen_tcp(s, 7, echo, NULL) == OK);
    require(stackv4_listen_tcp(s, 9, end, NULL) == OK);
    require(stackv4_listen_tcp(s, 13, tell, NULL) == OK);
    while (time_sleep(SECOND) == OK)
        if (is_ending)
            printf("lives\n");
    printf("asked to end\n");
}
