/* SPDX-License-Identifier: ISC */
/*
 * Uses its disk as --act says. The tests test/e2e/virtio_disk* copy the
 * contract of block devices into this folder.
 */
#include "block_contract.h"
#include <mirage.h>
#include <stdio.h>
#include <string.h>

BOOT_STRING(act, "contract", "what to do");
BOOT_NUMBER(from, 0, 0, INT64_MAX, "a sector");

#define MOST     65536 /* bytes of a request */
#define PAGE     4096
#define SWIMMERS 24

static _Alignas(PAGE) uint8_t out[MOST], in[MOST];
static struct block *disk;
static size_t most; /* sectors of a request */

/* Data that differs in each sector and each round. */
static void fill(uint8_t *data, uint64_t sector, size_t count, uint64_t round)
{
    size_t size = disk->info.sector_size;

    for (size_t i = 0; i < count * size; i += 8) {
        uint64_t word = (sector + i / size) << 32 | round << 16 | (i % size);

        memcpy(data + i, &word, 8);
    }
}

/* Whether these sectors, read back, are those of that round. */
static bool is_there(uint64_t sector, size_t count, uint64_t round)
{
    fill(out, sector, count, round);
    memset(in, 0xa5, count * disk->info.sector_size);
    return block_read(disk, sector, in, count) == OK &&
           memcmp(in, out, count * disk->info.sector_size) == 0;
}

static enum status put(uint64_t sector, size_t count, uint64_t round)
{
    fill(out, sector, count, round);
    return block_write(disk, sector, out, count);
}

static void say(const char *what, enum status s)
{
    printf("%s: %s\n", what, status_text(s));
}

/* ---- Acts ---- */

static void keep_contract(void)
{
    unsigned failures;

    printf("%u sectors of %u\n", (unsigned)disk->info.sectors,
           (unsigned)disk->info.sector_size);
    if (disk->info.writable) {
        failures = block_contract_failures(disk, 1);
        printf("%s\n", block_contract_discarded() ? "discards"
                                                  : "discards nothing");
    } else {
        failures = block_contract_failures_read_only(disk);
        printf("read-only\n");
    }
    printf("%u failures\n", failures);
}

static void discard_all(void)
{
    say("discard", block_discard(disk, 0, disk->info.sectors));
}

/* The host fails the first request of each kind at sector 100. */
static void meet_errors(void)
{
    static const uint8_t zeros[512];

    say("write", put(100, 1, 1));
    say("write again", put(100, 1, 2));
    say("read", block_read(disk, 100, in, 1));
    printf("read again: %s\n", is_there(100, 1, 2) ? "as written" : "other");
    say("flush", block_flush(disk));
    say("flush again", block_flush(disk));
    say("zeros", block_write(disk, 100, zeros, 1));
    keep_contract();
}

/* Fills the disk of a host that has less space than the disk has sectors. */
static void fill_up(void)
{
    uint64_t good = 0, bad = 0, end = disk->info.sectors;

    for (uint64_t at = 0; at + most <= end; at += most) {
        enum status s = put(at, most, 1);

        if (s == OK && bad == 0) {
            good = at + most;
        } else if (s != OK && bad == 0) {
            say("first failure", s);
            bad = at;
        } else if (s != OK && s != ERR_IO) {
            say("another failure", s);
        }
    }
    printf("%s\n", bad > 0 ? "full" : "not full");
    for (uint64_t at = 0; at < good; at += most)
        if (!is_there(at, most, 1))
            printf("sector %u is lost\n", (unsigned)at);
    say("flush", block_flush(disk));
    say("overwrite", put(0, most, 2));
    printf("overwritten: %s\n", is_there(0, most, 2) ? "as written" : "other");
}

/* Writes the whole disk while the host runs out of space and stops us. Says how
 * the clocks went on meanwhile, in whole seconds. */
static void be_stopped(void)
{
    uint64_t end = disk->info.sectors;
    nanoseconds began = time_now(), wall = time_wall();

    printf("began at %u\n", (unsigned)(wall / SECOND));
    for (uint64_t at = 0; at + most <= end; at += most) {
        enum status s = put(at, most, 1);

        if (s != OK)
            say("write", s);
    }
    say("flush", block_flush(disk));
    for (uint64_t at = 0; at + most <= end; at += most)
        if (!is_there(at, most, 1))
            printf("sector %u is lost\n", (unsigned)at);
    /* The wall clock is compared with the host's once a second. */
    if (time_sleep(2 * SECOND) != OK)
        return;
    wall = time_wall();
    printf("monotonic: %u ms\n",
           (unsigned)((time_now() - began) / MILLISECOND));
    printf("ended at %u\n", (unsigned)(wall / SECOND));
}

/* Reads --from until the host has made the disk shorter than that. */
static void be_resized(void)
{
    enum status s;

    printf("ready, %u sectors\n", (unsigned)disk->info.sectors);
    while ((s = block_read(disk, (uint64_t)from, in, 1)) == OK)
        if (time_sleep(20 * MILLISECOND) != OK)
            return;
    say("behind the end", s);
    say("before the end", block_read(disk, 0, in, 1));
    printf("length: %u sectors\n", (unsigned)disk->info.sectors);
    say("behind the length", block_read(disk, disk->info.sectors, in, 1));
    while ((s = block_read(disk, (uint64_t)from, in, 1)) == ERR_IO)
        if (time_sleep(20 * MILLISECOND) != OK)
            return;
    say("after it has grown", s);
}

static unsigned swimming;
static unsigned rounds;
static unsigned ends[ERR_IO + 1];
static struct waiters ended;

/* Writes until that fails, and counts how. */
static void swim(void *ctx)
{
    static uint8_t data[PAGE] __attribute__((aligned(PAGE)));
    uint64_t at = (uint64_t)(uintptr_t)ctx * (PAGE / disk->info.sector_size);
    enum status s;

    while ((s = block_write(disk, at, data, PAGE / disk->info.sector_size)) ==
           OK)
        rounds++;
    ends[s]++;
    swimming--;
    wake_all(&ended);
}

/* The host takes the disk away while many requests are in flight. */
static void be_unplugged(void)
{
    swimming = SWIMMERS;
    for (uintptr_t i = 0; i < SWIMMERS; i++)
        require(fiber_start(swim, (void *)i) == OK);
    while (rounds < 2 * SWIMMERS)
        if (time_sleep(10 * MILLISECOND) != OK)
            return;
    printf("ready\n");
    while (swimming > 0)
        if (wait_until(&ended, FOREVER) != OK)
            return;
    printf("gone: %u of %u\n", ends[ERR_GONE], (unsigned)SWIMMERS);
    say("read", block_read(disk, 0, in, 1));
    say("write", block_write(disk, 0, out, 1));
    say("flush", block_flush(disk));
    /* Whatever else is said about it comes within this time. */
    (void)time_sleep(SECOND);
    printf("the image goes on\n");
}

/* The pages that can be allocated now. */
static unsigned free_pages(void)
{
    void *first = NULL, **page;
    unsigned count = 0;

    while ((page = page_alloc(1))) {
        *page = first;
        first = page;
        count++;
    }
    while ((page = first)) {
        first = *page;
        page_free(page, 1);
    }
    return count;
}

/*
 * Verifies what the start before this one has written, and writes it anew, from
 * then on again and again, until the host starts the machine again. The last
 * sector has the number of the start.
 */
static void start_again(void)
{
    uint64_t last = disk->info.sectors - 1, round;
    unsigned lost = 0, before = free_pages();

    require(block_read(disk, last, in, 1) == OK);
    memcpy(&round, in, sizeof round);
    for (uint64_t at = 0; at + most <= last; at += most)
        if (round > 0 && !is_there(at, most, round))
            lost++;
    for (bool is_first = true;; is_first = false) {
        for (uint64_t at = 0; at + most <= last; at += most)
            if (put(at, most, round + 1) != OK)
                lost++;
        if (!is_first)
            continue;
        say("flush", block_flush(disk));
        memset(out, 0, disk->info.sector_size);
        round++;
        memcpy(out, &round, sizeof round);
        require(block_write(disk, last, out, 1) == OK);
        say("flush", block_flush(disk));
        printf("start %u: %u lost, %u pages are free, %d fewer than before\n",
               (unsigned)round, lost, before, (int)(before - free_pages()));
        round--;
    }
}

void start(struct block *b)
{
    static const struct {
        const char *name;
        void (*act)(void);
    } acts[] = {
        {"contract", keep_contract},
        {"discard", discard_all},
        {"errors", meet_errors},
        {"fill", fill_up},
        {"stopped", be_stopped},
        {"resized", be_resized},
        {"unplugged", be_unplugged},
        {"again", start_again},
    };

    disk = b;
    most = MOST / b->info.sector_size;
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++)
        if (strcmp(act, acts[i].name) == 0)
            acts[i].act();
}
