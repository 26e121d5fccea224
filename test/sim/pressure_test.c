/* SPDX-License-Identifier: ISC */
/*
 * Exhaustion of pages: by random failures, by peers that do not read, and by
 * applications that do not. The image and connections that read must go on, and
 * data must be intact. $SEEDS random runs, or 5.
 */
#include "check.h"
#include "pair.h"
#include <stdlib.h>

#define PORT  5000
#define ECHO  7
#define LIMIT (3600 * SECOND)
#define PIECE 3000
#define MTU   1460 /* segments of 1,408 bytes, */
#define SPOON ((uint32_t)2816) /* two of which just fill a window of 22 << 7 */

static const struct sim_faults none;

/* The probability, in a million, that an allocation of a page, a shared buf or
 * a fiber fails. */
static unsigned failing;
static uint64_t chance;

static uint64_t next(void)
{
    uint64_t z = chance += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

struct buf *__real_buf_new(size_t headroom);
struct buf *__wrap_buf_new(size_t headroom);
struct buf *__real_buf_share(const struct buf *b, size_t from, size_t len);
struct buf *__wrap_buf_share(const struct buf *b, size_t from, size_t len);
enum status __real_fiber_start_with(const struct fiber_options *options,
                                    fiber_fn *fn, void *ctx);
enum status __wrap_fiber_start_with(const struct fiber_options *options,
                                    fiber_fn *fn, void *ctx);

struct buf *__wrap_buf_new(size_t headroom)
{
    return failing && next() % 1000000 < failing ? NULL
                                                 : __real_buf_new(headroom);
}

struct buf *__wrap_buf_share(const struct buf *b, size_t from, size_t len)
{
    return failing && next() % 1000000 < failing
               ? NULL
               : __real_buf_share(b, from, len);
}

enum status __wrap_fiber_start_with(const struct fiber_options *options,
                                    fiber_fn *fn, void *ctx)
{
    return failing && next() % 1000000 < failing
               ? ERR_NO_MEMORY
               : __real_fiber_start_with(options, fn, ctx);
}

static uint8_t byte_at(size_t at)
{
    return (uint8_t)(at * 31 + (at >> 8) * 7 + (at >> 16));
}

/* Responses may take long. */
static const struct flow_options patient = {.user_timeout = LIMIT};

static void echo(void *ctx, struct flow *f, struct endpoint peer)
{
    struct buf *b;

    (void)ctx;
    (void)peer;
    flow_set_options(f, &patient);
    while (flow_read(f, &b, time_after(LIMIT)) == OK)
        if (flow_write_bufs(f, b, time_after(LIMIT)) != OK)
            return;
}

static bool let_go;
static struct waiters letting;

static void wait_to_read(void)
{
    while (!let_go)
        if (wait_until(&letting, FOREVER) != OK)
            break;
}

/* Reads nothing at first, and at last all data, which must be intact. */
static unsigned handlers, right_ones;
static size_t got_in_all;

static void take_late(void *ctx, struct flow *f, struct endpoint peer)
{
    size_t at = 0;
    bool is_right = true;
    struct buf *b;
    enum status s;

    (void)ctx;
    (void)peer;
    handlers++;
    wait_to_read();
    while ((s = flow_read(f, &b, time_after(LIMIT))) == OK) {
        for (size_t i = 0; i < b->len; i++)
            is_right = is_right && b->data[i] == byte_at(at + i);
        at += b->len;
        buf_free(b);
    }
    got_in_all += at;
    right_ones += is_right && s == ERR_EOF;
    handlers--;
}

static struct flow *open_to(uint16_t port)
{
    struct endpoint to = {ipv4_address(10, 0, 0, 2), port};
    struct flow *f = NULL;
    enum status s;

    do /* without a fiber the SYN,ACK is followed by a reset */
        s = tcpv4_open(left.tcp, to, time_after(LIMIT), &f);
    while (s == ERR_RESET || s == ERR_REFUSED || s == ERR_UNREACHABLE ||
           s == ERR_NO_MEMORY);
    CHECK(s == OK);
    if (f)
        flow_set_options(f, &patient);
    return f;
}

/* Writes and reads the echo at once. */
struct transfer {
    struct flow *flow;
    size_t len, got;
    bool is_right, has_written;
    enum status wrote;
    struct waiters written;
};

static void write_all(void *ctx)
{
    struct transfer *t = ctx;
    uint8_t piece[PIECE];

    for (size_t at = 0; at < t->len && t->wrote == OK;) {
        size_t n = t->len - at < PIECE ? t->len - at : PIECE;

        for (size_t i = 0; i < n; i++)
            piece[i] = byte_at(at + i);
        t->wrote = flow_write(t->flow, piece, n, time_after(LIMIT));
        at += n;
    }
    flow_shutdown(t->flow, FLOW_WRITING);
    t->has_written = true;
    wake_all(&t->written);
}

/* Was all data echoed? */
static bool goes_there_and_back(size_t len)
{
    struct transfer t = {.len = len, .is_right = true};
    struct buf *b;
    enum status s;

    do { /* a connection without a fiber for its handler is reset */
        if (t.flow)
            flow_close(t.flow);
        t.flow = open_to(ECHO);
    } while (t.flow && flow_read(t.flow, &b, time_after(SECOND)) == ERR_RESET);
    if (!t.flow || fiber_start(write_all, &t) != OK)
        return false;
    while ((s = flow_read(t.flow, &b, time_after(LIMIT))) == OK) {
        for (size_t i = 0; i < b->len; i++)
            t.is_right = t.is_right && b->data[i] == byte_at(t.got + i);
        t.got += b->len;
        buf_free(b);
    }
    while (!t.has_written)
        if (wait_until(&t.written, FOREVER) != OK)
            break;
    flow_close(t.flow);
    return s == ERR_EOF && t.wrote == OK && t.is_right && t.got == len;
}

static void begin(void)
{
    static bool is_made;

    if (!is_made) {
        sim_seed(23);
        pair_pages = 4096;
        pair_make(MTU, 0);
        pair_watch();
        CHECK(tcpv4_listen(right.tcp, PORT, take_late, NULL) == OK);
        CHECK(tcpv4_listen(right.tcp, ECHO, echo, NULL) == OK);
        is_made = true;
    }
    let_go = false;
    right_ones = 0;
    got_in_all = 0;
}

static void end(void)
{
    /* (If no page is free for a reset the other end stays for long.) */
    CHECK(time_sleep(2 * LIMIT) == OK);
    CHECK(left.tcp->count == 0 && right.tcp->count == 0 && handlers == 0);
    CHECK(buf_pages_free() == buf_pages());
    CHECK(pair_failures == 0);
}

/* Allocates all pages but a few, repeatedly. */
static bool is_thieving;

static void thieve(void *ctx)
{
    (void)ctx;
    while (is_thieving) {
        struct buf *pages = NULL, *b;
        size_t left_over = next() % 4 ? next() % 40 : next() % 2000;

        while (buf_pages_free() > left_over &&
               (b = __real_buf_new(0)) != NULL) {
            b->next = pages;
            pages = b;
        }
        CHECK(time_sleep((next() % 8 ? next() % 20 : next() % 400) *
                         MILLISECOND) == OK);
        buf_free(pages);
        CHECK(time_sleep(next() % 200 * MILLISECOND) == OK);
    }
}

struct batch {
    unsigned running, right;
    struct waiters ended;
};

static void run_one(void *ctx)
{
    struct batch *batch = ctx;

    batch->right += goes_there_and_back(20000 + next() % 100000);
    batch->running--;
    wake_all(&batch->ended);
}

static unsigned seeds(void)
{
    const char *given = getenv("SEEDS");

    return given ? (unsigned)atoi(given) : getenv("SOAK") ? 500
                                                          : 10;
}

TEST(transfers_complete_while_allocations_fail_at_random)
{
    begin();
    for (unsigned seed = 0; seed < seeds(); seed++) {
        struct batch batch = {.running = 8};
        struct sim_faults f = {.seed = seed + 1,
                               .loss = seed % 3 * 10000,
                               .delay = seed % 5 * 5 * MILLISECOND};

        chance = seed;
        pair_faults(&f);
        failing = 1000 + seed % 4 * 4000;
        is_thieving = true;
        CHECK(fiber_start(thieve, NULL) == OK);
        for (int i = 0; i < 8; i++)
            CHECK(fiber_start(run_one, &batch) == OK);
        while (batch.running > 0 && wait_until(&batch.ended, FOREVER) == OK)
            continue;
        is_thieving = false;
        failing = 0;
        pair_faults(&none);
        CHECK(batch.right == 8);
        if (batch.right != 8)
            printf("seed %u: %u of 8\n", seed, batch.right);
    }
    CHECK(right.tcp->counters.relieved == 0);
    end();
}

TEST(applications_that_read_nothing_do_not_starve_those_that_do)
{
    static struct flow *f[300];
    static const uint8_t data[65536];
    nanoseconds began;
    uint64_t relieved;

    begin();
    for (int i = 0; i < 300; i++) {
        f[i] = open_to(PORT);
        CHECK(flow_write(f[i], data, sizeof data, 0) != ERR_RESET);
        CHECK(time_sleep(2 * MILLISECOND) == OK);
    }
    CHECK(time_sleep(5 * SECOND) == OK);
    CHECK(buf_pages_free() < buf_pages() / 8);
    for (int i = 0; i < 5; i++) {
        began = time_now();
        CHECK(goes_there_and_back(200000));
        CHECK(time_now() - began < 120 * SECOND);
    }
    relieved = right.tcp->counters.relieved + left.tcp->counters.relieved;
    CHECK(relieved < 300); /* the others live */
    let_go = true;
    wake_all(&letting);
    for (int i = 0; i < 300; i++) {
        flow_abort(f[i]);
        flow_close(f[i]);
    }
    end();
}

TEST(peers_that_stop_reading_for_an_hour_hold_only_their_share_of_pages)
{
    static struct flow *f[150];
    static struct transfer t[150];
    uint64_t relieved = right.tcp->counters.relieved +
                        left.tcp->counters.relieved;
    nanoseconds began;
    size_t most = 0;

    begin();
    for (int i = 0; i < 150; i++) {
        f[i] = open_to(PORT);
        t[i] = (struct transfer){.flow = f[i], .len = 200000};
        CHECK(fiber_start(write_all, &t[i]) == OK);
    }
    for (int minute = 0; minute < 60; minute++) {
        began = time_now();
        CHECK(time_sleep(50 * SECOND) == OK);
        if (buf_pages() - buf_pages_free() > most)
            most = buf_pages() - buf_pages_free();
        CHECK(goes_there_and_back(5000));
        CHECK(time_now() - began < 60 * SECOND);
    }
    CHECK(most <= buf_pages() * 63 / 64 && most > buf_pages() / 2);
    let_go = true;
    wake_all(&letting);
    CHECK(time_sleep(300 * SECOND) == OK);
    for (int i = 0; i < 150; i++) {
        CHECK(t[i].has_written && t[i].wrote == OK);
        flow_close(f[i]);
    }
    CHECK(right_ones == 150 && got_in_all == 150 * 200000);
    CHECK(relieved == right.tcp->counters.relieved +
                          left.tcp->counters.relieved);
    end();
}

static unsigned closings;

/* When more data were sent and the window is closed again, it was open in
         * between. */
static void watch_window(void *ctx)
{
    const struct connection *c = ctx;
    uint32_t una = c->snd.una;

    while (c->state == TCP_ESTABLISHED) {
        closings += c->snd.una != una && c->snd.wnd == 0;
        una = c->snd.una;
        if (time_sleep(100 * MICROSECOND) != OK)
            break;
    }
}

/* Reads all there is once per millisecond. */
static void take_by_spoonfuls(void *ctx, struct flow *f, struct endpoint peer)
{
    struct connection *c = (struct connection *)(void *)f;
    size_t at = 0;
    enum status s = OK;

    (void)ctx;
    (void)peer;
    c->rcvq.limit = SPOON;
    while (s == OK) {
        struct buf *b;

        if ((s = flow_read(f, &b, time_after(LIMIT))) != OK)
            break;
        for (size_t i = 0; i < b->len; i++)
            right_ones += b->data[i] != byte_at(at + i);
        at += b->len;
        buf_free(b);
        if (c->rcvq.len == 0)
            s = time_sleep(MILLISECOND);
        c->rcvq.limit = SPOON; /* however fast the application reads */
    }
    got_in_all = at;
}

TEST(a_window_that_closes_and_opens_ten_thousand_times_loses_nothing)
{
    struct transfer t = {.len = 29000000};
    nanoseconds began;

    begin();
    CHECK(tcpv4_listen(right.tcp, PORT, take_by_spoonfuls, NULL) == OK);
    t.flow = open_to(PORT);
    closings = 0;
    CHECK(fiber_start(watch_window, (void *)t.flow) == OK);
    began = time_now();
    write_all(&t);
    CHECK(t.wrote == OK);
    CHECK(time_sleep(10 * SECOND) == OK);
    flow_close(t.flow);
    CHECK(got_in_all == t.len && right_ones == 0);
    CHECK(closings >= 10000);
    CHECK(time_now() - began < 120 * SECOND);
    end();
}
