/* SPDX-License-Identifier: ISC */
/*
 * Disks and networks with a hostile backend, by many seeds ($SEEDS, or 150 of
 * each kind): no page is touched that was not granted, no request outlives the
 * backend, the rest of the image runs, and all pages are free when the backend
 * has unmapped them.
 */
#include "check.h"
#include <conform/block_contract.h>
#include <fake/disk.h>
#include <fake/hostile.h>
#include <mirage/drivers.h>
#include <mirage/network.h>
#include <stdlib.h>
#include <fake/vif.h>

#define OFFERS                                                  \
    "sectors=300\nsector-size=512\ninfo=0\n"                    \
    "feature-flush-cache=1\nfeature-barrier=1\n"                \
    "feature-max-indirect-segments=256\nfeature-persistent=1\n" \
    "max-ring-page-order=%u"
#define NET_OFFERS "feature-rx-copy=1\nfeature-sg=1\nfeature-gso-tcpv4=1\n" \
                   "feature-gso-tcpv6=1\nfeature-ipv6-csum-offload=1"
#define ASKERS 20

static uint64_t seed;
static struct fake_disk honest;
static struct hostile hostile;
static unsigned left;
static struct waiters all_left;

static struct fiber *spawn(fiber_fn *fn, void *ctx)
{
    struct fiber *f;

    if (fiber_spawn(NULL, fn, ctx, &f) != OK)
        panic("no fiber");
    return f;
}

static struct block *honest_disk(void)
{
    struct block *b = NULL;

    CHECK(block_ram_connect(300, 512, &honest.store) == OK);
    disk_add(&honest, 51728, "sectors=300\nsector-size=512\ninfo=0");
    CHECK(block_xen_connect("xvdb", &b) == OK);
    return b;
}

/* All requests end once the backend has gone. */
static void take_away(void)
{
    backend_remove(&hostile.backend);
}

static bool was_connected;

/* No page is missing when the hostile backend has unmapped all. */
static void check_all_is_back(void)
{
    hostile_unmap_all(&hostile);
    CHECK(time_sleep(3600 * SECOND) == OK);
    CHECK(buf_pages_free() == buf_pages());
    if (was_connected && fake_any_grant(HOSTILE_DOMAIN, 8, false))
        fake_fail("grant %u is still given",
                  fake_any_grant(HOSTILE_DOMAIN, 8, false));
}

static void leave(void)
{
    if (--left == 0)
        wake_all(&all_left);
}

static void check_all_leave(void)
{
    while (left > 0)
        CHECK(wait_until(&all_left, FOREVER) == OK);
}

/* The rest of the image works. */
static void check_lives(struct block *other)
{
    static uint8_t data[300 * 512];

    CHECK(block_write(other, 0, data, 300) == OK);
    CHECK(block_read(other, 0, data, 300) == OK);
    CHECK(time_sleep(SECOND) == OK);
}

/* Uses the disk until it is gone, or 30 times. */
static void ask(void *ctx)
{
    struct block *b = ctx;
    uint8_t *data = calloc(20, b->info.sector_size);

    for (int i = 0; i < 30; i++) {
        enum status s = i % 3 == 0   ? block_write(b, 5, data, 20)
                        : i % 3 == 1 ? block_read(b, 7, data, 12)
                                     : block_flush(b);

        if (s != OK && s != ERR_IO && s != ERR_GONE && s != ERR_NO_MEMORY &&
            !(s == ERR_RANGE && b->info.sectors < 25) &&
            !(s == ERR_READ_ONLY && !b->info.writable))
            fake_fail("a request ends in: %s", status_text(s));
        if (s == ERR_GONE)
            break;
    }
    free(data);
    leave();
}

static void use_disk(void *ctx)
{
    struct block *b;
    enum status s = block_xen_connect("xvda", &b);

    (void)ctx;
    was_connected = s == OK;
    for (int i = 0; s == OK && i < ASKERS; i++) {
        left++;
        spawn(ask, b);
    }
    leave();
}

/* Runs use with a hostile device, while a correct disk is in use. */
static void live_beside(const char *kind, unsigned number, const char *offers,
                        fiber_fn *use)
{
    struct block *other = honest_disk();

    hostile.seed = seed;
    hostile.turns = 3000;
    hostile_add(&hostile, kind, number, offers);
    left = 1;
    spawn(use, NULL);
    CHECK(block_contract_failures(other, seed) == 0);
    fake_after(SECOND, take_away);
    check_all_leave();
    check_lives(other);
    check_all_is_back();
}

TEST(a_hostile_disk_backend_does_no_harm)
{
    static char offers[300];

    snprintf(offers, sizeof offers, OFFERS, (unsigned)(seed % 4));
    live_beside("vbd", 51712, offers, use_disk);
}

static uint64_t arrived;

static void take(void *ctx, struct buf *const *frames, size_t count)
{
    (void)ctx;
    for (size_t i = 0; i < count; i++) {
        uint8_t *bytes = malloc(buf_length(frames[i]));

        CHECK(buf_length(frames[i]) <= NETWORK_FRAME);
        buf_copy_out(frames[i], 0, bytes, buf_length(frames[i]));
        for (size_t n = 0; n < buf_length(frames[i]); n++)
            arrived += bytes[n];
        free(bytes);
        buf_free(frames[i]);
    }
}

/* Pages that are no longer granted do not change. */
static void check_own(struct buf *own)
{
    for (struct buf *b = own; b; b = b->next)
        for (size_t i = 0; i < b->len; i++)
            if (b->data[i] != 0x5a)
                fake_fail("a page of the image's own has changed");
    buf_free(own);
}

static void use_network(void *ctx)
{
    static uint8_t bytes[40000], pattern[40000];
    struct buf *own = NULL;
    struct network *n;
    enum status s = network_xen_connect("0", &n);

    (void)ctx;
    CHECK(buf_reserve(2000) == OK); /* a shortage of pages hides faults */
    memset(pattern, 0x5a, sizeof pattern);
    was_connected = s == OK;
    if (s == OK)
        network_listen(n, take, NULL);
    for (unsigned i = 0; s == OK && i < 2000 && !n->gone; i++) {
        struct buf *b = buf_copy_in(bytes, i % 10 ? 60 : 4000, 0);

        if (b)
            network_write(n, b);
        if (i % 20 == 0)
            CHECK(time_sleep(MILLISECOND) == OK);
        if (i % 20 == 10) {
            check_own(own);
            own = buf_copy_in(pattern, sizeof pattern, 0);
        }
    }
    check_own(own);
    leave();
}

TEST(a_hostile_network_backend_does_no_harm)
{
    live_beside("vif", 0, NET_OFFERS, use_network);
}

/* Runs the test with each seed, in a process of its own. */
static bool passes(struct test *t, uint64_t seeds)
{
    t->next = NULL;
    tests = t;
    for (seed = 1; seed <= seeds; seed++)
        if (!fake_run(t->name, &checks_failed)) {
            printf("with seed %llu\n", (unsigned long long)seed);
            return false;
        }
    return true;
}

int main(void)
{
    const char *text = getenv("SEEDS");
    uint64_t seeds = getenv("SOAK")  ? 20000
                     : getenv("RAN") ? 150
                                     : 50;
    int passed = 0, failed = 0;

    if (text)
        seeds = strtoull(text, NULL, 10);
    for (struct test *t = tests, *next; t; t = next) {
        next = t->next;
        passes(t, seeds) ? passed++ : failed++;
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed > 0;
}
