/* SPDX-License-Identifier: ISC */
/* Timers over long times: window probes, keep-alives, timeouts. */
#include "check.h"
#include "pair.h"

#define PORT 5000

static const struct sim_faults none;
static const struct sim_faults dead = {.loss = 1000000};

static size_t got;

static void finish(struct flow *f)
{
    pair_faults(&none);
    pair_let_go();
    flow_close(f);
    CHECK(time_sleep(700 * SECOND) == OK);
    CHECK(left.tcp->count == 0 && right.tcp->count == 0);
    CHECK(buf_pages_free() == buf_pages());
}

static nanoseconds since(nanoseconds began)
{
    return (time_now() - began) / SECOND;
}

TEST(a_user_timeout_aborts_a_flow_whose_peer_is_dead)
{
    struct flow_options o = {.user_timeout = 30 * SECOND};
    struct flow *f;
    struct buf *b;
    nanoseconds began;

    sim_seed(9);
    pair_make(1500, 0);
    pair_watch();
    pair_listen(PORT);
    f = pair_open(PORT);
    flow_set_options(f, &o);
    pair_faults(&dead);
    began = time_now();
    CHECK(flow_write(f, "x", 1, FOREVER) == OK);
    CHECK(flow_read(f, &b, FOREVER) == ERR_TIMEOUT);
    CHECK(since(began) >= 30 && since(began) <= 60);
    CHECK(flow_write(f, "x", 1, FOREVER) == ERR_TIMEOUT);
    finish(f);
}

TEST(without_a_user_timeout_a_flow_is_aborted_after_five_minutes)
{
    struct flow *f = pair_open(PORT);
    struct buf *b;
    nanoseconds began = time_now();

    pair_faults(&dead);
    CHECK(flow_write(f, "x", 1, FOREVER) == OK);
    CHECK(flow_read(f, &b, FOREVER) == ERR_TIMEOUT);
    CHECK(since(began) >= 300 && since(began) <= 361);
    finish(f);
}

TEST(keep_alives_detect_a_dead_peer_and_keep_a_live_one)
{
    struct flow_options o = {.keepalive_idle = 60 * SECOND,
                             .keepalive_interval = 10 * SECOND,
                             .keepalive_probes = 3};
    struct flow *f = pair_open(PORT);
    struct buf *b;
    nanoseconds began;

    flow_set_options(f, &o);
    CHECK(time_sleep(3600 * SECOND) == OK); /* the peer answers */
    CHECK(flow_read(f, &b, 0) == ERR_TIMEOUT && pair_flow != NULL);
    began = time_now();
    pair_faults(&dead);
    CHECK(flow_read(f, &b, FOREVER) == ERR_TIMEOUT);
    CHECK(since(began) >= 30 && since(began) <= 60 + 3 * 10 + 1);
    finish(f);
}

TEST(an_idle_flow_without_keep_alives_sends_nothing)
{
    struct flow *f = pair_open(PORT);
    uint64_t sent = left.net->counters.frames_out;

    CHECK(time_sleep(86400 * SECOND) == OK);
    CHECK(left.net->counters.frames_out - sent <= 2); /* ARP at most */
    CHECK(tcp_of(f)->state == TCP_ESTABLISHED);
    finish(f);
}

static void write_1_mib(void *ctx)
{
    static uint8_t data[1 << 20];
    struct flow *f = ctx;

    CHECK(flow_write(f, data, sizeof data, FOREVER) == OK);
    flow_shutdown(f, FLOW_WRITING);
}

TEST(a_zero_window_is_probed_for_hours_and_opens)
{
    struct flow *f = pair_open(PORT);
    struct buf *b;
    enum status s;
    uint64_t sent;

    CHECK(fiber_start(write_1_mib, f) == OK);
    CHECK(time_sleep(10 * SECOND) == OK);
    sent = left.tcp->counters.probes;
    CHECK(time_sleep(3 * 3600 * SECOND) == OK);
    CHECK(left.tcp->counters.probes - sent >= 170);
    CHECK(left.tcp->counters.probes - sent <= 190); /* one per minute */
    got = 0;
    while ((s = flow_read(pair_flow, &b, time_after(120 * SECOND))) == OK) {
        got += b->len;
        buf_free(b);
    }
    CHECK(s == ERR_EOF && got == 1 << 20);
    finish(f);
}

TEST(a_lost_window_update_is_replaced_by_the_answer_to_a_probe)
{
    struct flow *f = pair_open(PORT);
    struct buf *b;
    enum status s = OK;
    nanoseconds began;

    CHECK(fiber_start(write_1_mib, f) == OK);
    CHECK(time_sleep(10 * SECOND) == OK);
    pair_faults(&dead);
    got = 0;
    while (flow_read(pair_flow, &b, 0) == OK) {
        got += b->len;
        buf_free(b);
    }
    CHECK(time_sleep(100 * MILLISECOND) == OK);
    pair_faults(&none);
    began = time_now();
    while ((s = flow_read(pair_flow, &b, time_after(120 * SECOND))) == OK) {
        got += b->len;
        buf_free(b);
    }
    CHECK(s == ERR_EOF && got == 1 << 20 && since(began) <= 61);
    finish(f);
}

static void write_40_mib(void *ctx)
{
    static uint8_t data[1 << 20];
    struct flow *f = ctx;

    for (int i = 0; i < 40; i++)
        CHECK(flow_write(f, data, sizeof data, FOREVER) == OK);
    flow_shutdown(f, FLOW_WRITING);
}

TEST(the_receive_window_grows_to_megabytes_on_a_long_wire)
{
    static const struct sim_faults far = {.delay = 25 * MILLISECOND,
                                          .rate = 400000000,
                                          .queue = 4000};
    struct flow *f = pair_open(PORT);
    const struct connection *c = (const void *)pair_flow;
    struct buf *b;
    nanoseconds began;

    pair_faults(&far);
    CHECK(c->rcvq.limit == TCP_QUEUE_FIRST);
    CHECK(fiber_start(write_40_mib, f) == OK);
    began = time_now();
    got = 0;
    while (flow_read(pair_flow, &b, time_after(60 * SECOND)) == OK) {
        got += b->len;
        buf_free(b);
    }
    CHECK(got == 40u << 20);
    CHECK(c->rcvq.limit >= 2u << 20);
    /* 40 MiB at 50 MB/s take 0.84 s, and slow start takes time besides. */
    CHECK(time_now() - began < 2 * SECOND);
    finish(f);
}

TEST(data_written_before_a_close_arrives)
{
    struct flow *f = pair_open(PORT);
    struct buf *b;
    enum status s;

    CHECK(flow_write(f, "last words", 10, FOREVER) == OK);
    flow_close(f);
    got = 0;
    while ((s = flow_read(pair_flow, &b, time_after(SECOND))) == OK) {
        got += b->len;
        buf_free(b);
    }
    CHECK(s == ERR_EOF && got == 10);
    pair_let_go();
    CHECK(time_sleep(700 * SECOND) == OK);
    CHECK(left.tcp->count == 0 && right.tcp->count == 0);
}

TEST(data_to_a_closed_flow_are_reset)
{
    struct flow *f = pair_open(PORT);
    enum status s = OK;
    int writes = 0;

    pair_let_go(); /* the peer closes */
    CHECK(time_sleep(SECOND) == OK);
    while (s == OK && writes++ < 10) {
        s = flow_write(f, "x", 1, FOREVER);
        CHECK(time_sleep(10 * MILLISECOND) == OK);
    }
    CHECK(s == ERR_RESET && writes <= 3);
    finish(f);
}

TEST(invariants_held_whenever_a_frame_was_sent)
{
    CHECK(pair_checks > 100 && pair_failures == 0);
}
