/* SPDX-License-Identifier: ISC */
/*
 * Disks and networks with a hostile backend, by many seeds (hostile_check.h).
 * No page is touched that was not granted, no request outlives the backend, the
 * rest of the image runs, the log says once why a device has ended, and all
 * pages are free when the backend has unmapped them.
 */
#include <conform/block_contract.h>
#include <fake/disk.h>
#include <fake/hostile.h>
#include <fake/hostile_check.h>
#include <mirage/drivers.h>
#include <mirage/network.h>
#include <fake/vif.h>

#define OFFERS                                                  \
    "sectors=300\nsector-size=512\ninfo=0\n"                    \
    "feature-flush-cache=1\nfeature-barrier=1\n"                \
    "feature-max-indirect-segments=256\nfeature-persistent=1\n" \
    "max-ring-page-order=%u"
#define NET_OFFERS "feature-rx-copy=1\nfeature-sg=1\nfeature-gso-tcpv4=1\n" \
                   "feature-gso-tcpv6=1\nfeature-ipv6-csum-offload=1"
#define ASKERS   20
#define REQUESTS 80 /* of each */

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

static unsigned count_lines_with(const char *text)
{
    unsigned count = 0;

    for (const char *at = console_text(); (at = strstr(at, text)) != NULL;
         at++)
        count++;
    return count;
}

/* A device ends for one reason, which is said once. */
static void check_messages(void)
{
    unsigned ended = count_lines_with("it is disconnected");

    CHECK(ended <= 1);
    CHECK(count_lines_with("that it was lent") <= 1);
    CHECK(count_lines_with("all pages are back") <= 1);
    tally->ended += ended;
    tally->survived += !ended;
}

/* No page is missing when the hostile backend has unmapped all. */
static void check_all_is_back(void)
{
    hostile_unmap_all(&hostile);
    CHECK(time_sleep(3600 * SECOND) == OK);
    /* An image whose device does not connect ends. */
    CHECK(buf_pages_free() == buf_pages() || !was_connected);
    if (was_connected && fake_any_grant(HOSTILE_DOMAIN, 8, false))
        fake_fail("grant %u is still given",
                  fake_any_grant(HOSTILE_DOMAIN, 8, false));
    check_messages();
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

/* Uses the disk until it is gone, or REQUESTS times. */
static void ask(void *ctx)
{
    struct block *b = ctx;
    uint8_t *data = calloc(20, b->info.sector_size);

    for (int i = 0; i < REQUESTS; i++) {
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

    liar_begin(&hostile.liar, tally, HOSTILE_LIES, seed);
    hostile.turns = 4000;
    hostile.keeps_rings = seed % 3 == 1 || seed / 2 % 2;
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

/* A backend that responds correctly, while another processor changes rings and
 * pages. */
static void scribble(uint32_t random)
{
    hostile_scribble(&hostile, random);
}

static void use_while_it_changes(const char *kind, const char *offers,
                                 fiber_fn *use)
{
    struct block *other = honest_disk();

    liar_begin(&hostile.liar, tally, HOSTILE_LIES, seed);
    hostile.liar.left = UINT32_MAX; /* the thread lies */
    hostile.turns = 20000;
    hostile.scribbles = (unsigned)(1 + (seed - 1) % 15);
    hostile.keeps_rings = seed % 3 == 1 || seed / 2 % 2;
    hostile_add(&hostile, kind, kind[1] == 'b' ? 51712 : 0, offers);
    left = 1;
    liar_thread(tally, scribble);
    spawn(use, NULL);
    for (unsigned i = 0; i < 20; i++) {
        CHECK(time_sleep(20 * MILLISECOND) == OK);
        liar_wait(100 * i);
    }
    take_away();
    check_all_leave();
    check_lives(other);
    liar_thread_end();
    check_all_is_back();
}

TEST(a_disk_that_changes_while_it_is_read_does_no_harm)
{
    static char offers[300];

    snprintf(offers, sizeof offers, OFFERS, (unsigned)(seed % 4));
    use_while_it_changes("vbd", offers, use_disk);
}

TEST(a_network_that_changes_while_it_is_read_does_no_harm)
{
    use_while_it_changes("vif", NET_OFFERS, use_network);
}
