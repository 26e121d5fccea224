/* SPDX-License-Identifier: ISC */
/*
 * Regressions in which a connection stalled, or went on when it should end.
 */
#include "check.h"
#include "pair.h"
#include "script.h"

#define PORT 5000

static const struct sim_faults none;
static const struct sim_faults dead = {.loss = 1000000};
static const struct sim_faults far = {.delay = 250 * MILLISECOND};

/* Ends the flow, and checks that no state is left. */
static void finish(struct flow *f)
{
    pair_faults(&none);
    pair_let_go();
    if (f) {
        flow_abort(f);
        flow_close(f);
    }
    CHECK(time_sleep(700 * SECOND) == OK);
    CHECK(left.tcp->count == 0 && right.tcp->count == 0);
    CHECK(buf_pages_free() == buf_pages());
}

static size_t got;
static nanoseconds got_at;

static void sink(void *ctx)
{
    struct buf *b;

    got = 0;
    while (flow_read(ctx, &b, FOREVER) == OK) {
        got += b->len;
        got_at = time_now();
        buf_free(b);
    }
}

static uint8_t data[1 << 20];
static enum status wrote;
static bool is_written;

static void write_much(void *ctx)
{
    is_written = false;
    wrote = flow_write(ctx, data, sizeof data, FOREVER);
    is_written = true;
}

static void read_all_there_is(struct flow *f)
{
    struct buf *b;

    while (flow_read(f, &b, 0) == OK)
        buf_free(b);
}

TEST(the_pair_of_hosts_is_made)
{
    sim_seed(9);
    pair_make(1500, 0);
    pair_listen(PORT);
    pair_watch();
}

TEST(an_rtt_that_grows_beyond_the_rto_is_measured)
{
    for (int timestamps = 0; timestamps < 2; timestamps++) {
        struct flow *f = pair_open(PORT);
        uint64_t before;

        tcp_of(f)->ts.is_on = tcp_of(pair_flow)->ts.is_on = timestamps;
        CHECK(fiber_start(sink, pair_flow) == OK);
        CHECK(flow_write(f, data, 200, FOREVER) == OK);
        CHECK(time_sleep(SECOND) == OK);
        pair_faults(&far);
        before = left.tcp->counters.retransmitted;
        for (int i = 0; i < 50; i++) {
            CHECK(flow_write(f, data, 100, FOREVER) == OK);
            CHECK(time_sleep(3 * SECOND) == OK);
        }
        /* Counts timeouts and tail loss probes. */
        CHECK(left.tcp->counters.retransmitted - before <= 4);
        CHECK(tcp_of(f)->rtt.srtt > 400 * MILLISECOND);
        finish(f);
    }
}

TEST(a_sender_with_a_zero_window_acknowledges_data)
{
    struct flow *f = pair_open(PORT);
    nanoseconds began;

    CHECK(fiber_start(write_much, f) == OK);
    CHECK(time_sleep(20 * SECOND) == OK); /* window probes have begun */
    CHECK(fiber_start(sink, f) == OK);
    began = time_now();
    CHECK(flow_write(pair_flow, data, 400000, time_after(100 * SECOND)) == OK);
    CHECK(time_sleep(10 * SECOND) == OK);
    CHECK(got == 400000 && got_at - began < SECOND);
    finish(f);
}

TEST(the_retransmission_timer_restarts_when_a_zero_window_opens)
{
    struct flow *f = pair_open(PORT);
    struct buf *b = NULL;
    nanoseconds began;

    CHECK(fiber_start(write_much, f) == OK);
    CHECK(time_sleep(130 * SECOND) == OK);
    sim_set_faults(left.net, &dead);
    read_all_there_is(pair_flow);
    CHECK(time_sleep(5 * MILLISECOND) == OK);
    sim_set_faults(left.net, &none);
    began = time_now();
    CHECK(flow_read(pair_flow, &b, FOREVER) == OK);
    buf_free(b);
    CHECK(time_now() - began < SECOND);
    finish(f);
}

TEST(a_short_zero_window_is_no_loss)
{
    static const struct sim_faults near = {.delay = 60 * MILLISECOND};
    struct flow *f = pair_open(PORT);
    uint64_t before;

    pair_faults(&near);
    for (int i = 0; i < 60; i++) {
        CHECK(flow_write(f, data, 10000, FOREVER) == OK);
        CHECK(time_sleep(300 * MILLISECOND) == OK);
        read_all_there_is(pair_flow);
    }
    before = left.tcp->counters.timeouts;
    CHECK(fiber_start(write_much, f) == OK);
    while (tcp_of(f)->snd.wnd > 0)
        CHECK(time_sleep(5 * MILLISECOND) == OK);
    CHECK(time_sleep(80 * MILLISECOND) == OK);
    read_all_there_is(pair_flow);
    CHECK(time_sleep(400 * MILLISECOND) == OK);
    CHECK(left.tcp->counters.timeouts == before);
    finish(f);
}

TEST(a_peer_that_answers_window_probes_outlives_a_short_user_timeout)
{
    struct flow_options o = {.user_timeout = 10 * SECOND};
    struct flow *f = pair_open(PORT);

    flow_set_options(f, &o);
    CHECK(fiber_start(write_much, f) == OK);
    CHECK(time_sleep(1000 * SECOND) == OK);
    CHECK(!is_written && tcp_of(f)->state == TCP_ESTABLISHED);
    pair_faults(&dead); /* but a dead peer does not */
    CHECK(time_sleep(100 * SECOND) == OK);
    CHECK(is_written && wrote == ERR_TIMEOUT);
    finish(f);
}

TEST(a_zero_window_does_not_keep_a_closed_flow_forever)
{
    struct flow *f = pair_open(PORT);

    CHECK(flow_write(f, data, 65536 + 60000, FOREVER) == OK);
    flow_close(f);
    CHECK(time_sleep(60 * SECOND) == OK);
    CHECK(left.tcp->count == 1);
    CHECK(time_sleep(600 * SECOND) == OK);
    CHECK(left.tcp->count == 0);
    finish(NULL);
}

TEST(after_2_gib_without_loss_a_loss_is_repaired_at_once)
{
    static const struct sim_faults near = {.delay = 10 * MILLISECOND};
    struct flow *f = pair_open(PORT);
    uint64_t timeouts, repairs;

    CHECK(fiber_start(sink, pair_flow) == OK);
    CHECK(flow_write(f, data, 200000, FOREVER) == OK);
    pair_faults(&near);
    CHECK(time_sleep(SECOND) == OK);
    timeouts = left.tcp->counters.timeouts;
    repairs = left.tcp->counters.fast_retransmits;
    CHECK(tcp_of(f)->recovery.point ==
          tcp_of(f)->snd.una); /* snd.una has advanced */
    CHECK(flow_write(f, data, 10000, FOREVER) == OK);
    sim_set_faults(left.net, &dead);
    CHECK(flow_write(f, data, 1448, FOREVER) == OK);
    CHECK(time_sleep(MILLISECOND) == OK); /* or it would go with the next */
    sim_set_faults(left.net, &near);
    CHECK(flow_write(f, data, 14480, FOREVER) == OK);
    CHECK(time_sleep(5 * SECOND) == OK);
    CHECK(left.tcp->counters.timeouts == timeouts);
    CHECK(left.tcp->counters.fast_retransmits == repairs + 1);
    finish(f);
}

TEST(no_keep_alive_is_sent_in_time_wait)
{
    struct flow_options o = {.keepalive_idle = SECOND,
                             .keepalive_interval = SECOND,
                             .keepalive_probes = 2};
    struct flow *f = pair_open(PORT);
    uint64_t resets = right.tcp->counters.resets_out;

    flow_set_options(f, &o);
    flow_shutdown(f, FLOW_WRITING);
    pair_let_go();
    flow_close(f);
    CHECK(time_sleep(50 * SECOND) == OK);
    CHECK(left.tcp->count == 1 &&
          right.tcp->counters.resets_out == resets);
    finish(NULL);
}

TEST(keep_alive_times_of_zero_and_forever_are_valid)
{
    struct flow_options o = {.keepalive_idle = 5 * SECOND,
                             .keepalive_probes = 3};
    struct flow *f = pair_open(PORT);

    flow_set_options(f, &o);
    pair_faults(&dead);
    CHECK(time_sleep(100 * SECOND) == OK);
    CHECK(tcp_of(f)->state == TCP_ESTABLISHED);
    o.keepalive_idle = FOREVER;
    flow_set_options(f, &o);
    CHECK(time_sleep(100 * SECOND) == OK);
    CHECK(tcp_of(f)->state == TCP_ESTABLISHED);
    finish(f);
}

static void push_small(void *ctx)
{
    for (int i = 0; i < 109; i++) {
        if (flow_write(ctx, data, 600, time_after(20 * SECOND)) != OK)
            break;
        if (i % 8 == 0 && time_sleep(MILLISECOND) != OK)
            break;
    }
}

static void greet(void *ctx, struct flow *f, struct endpoint peer)
{
    (void)ctx;
    (void)peer;
    CHECK(flow_write(f, "hi", 2, FOREVER) == OK);
}

TEST(unread_connections_leave_pages_for_others)
{
    static struct flow *f[200];
    struct endpoint to = {ipv4_address(10, 0, 0, 2), PORT};
    struct flow_options o = {.no_delay = true};
    struct flow *other;
    struct buf *b = NULL;
    nanoseconds took;

    CHECK(tcpv4_listen(right.tcp, 7, greet, NULL) == OK);
    for (int i = 0; i < 200; i++) {
        CHECK(tcpv4_open(left.tcp, to, time_after(30 * SECOND), &f[i]) == OK);
        flow_set_options(f[i], &o);
        CHECK(fiber_start(push_small, f[i]) == OK);
        CHECK(time_sleep(200 * MILLISECOND) == OK);
    }
    CHECK(time_sleep(30 * SECOND) == OK);
    CHECK(buf_pages_free() > buf_pages() / 16);
    to.port = 7;
    CHECK(tcpv4_open(left.tcp, to, time_after(30 * SECOND), &other) == OK);
    CHECK(flow_read(other, &b, time_after(10 * SECOND)) == OK);
    buf_free(b);
    flow_close(other);
    CHECK(icmpv4_ping(left.icmp, to.ip, 56, time_after(2 * SECOND), &took) ==
          OK);
    for (int i = 0; i < 200; i++) {
        flow_abort(f[i]);
        flow_close(f[i]);
    }
    finish(NULL);
}

static void syn(uint32_t n)
{
    struct endpoint from = {ipv4_address(10, 0, 0, 3), (uint16_t)(n + 1)};
    struct ipv4_packet packet = {.from = from.ip,
                                 .to = ipv4_address(10, 0, 0, 2),
                                 .protocol = PROTOCOL_TCP};
    struct tcp_segment s = {.from = from.port,
                            .to = PORT,
                            .seq = n,
                            .flags = TCP_SYN,
                            .window = 65535};
    struct buf *b = buf_new(IPV4_HEADROOM);

    b->len = tcp_emit(&s, buf_append(b, TCP_MOST));
    b->offload.csum_good = true;
    tcp_input(right.tcp, &packet, b);
}

TEST(many_half_open_connections_do_not_refuse_a_peer)
{
    nanoseconds began;

    for (uint32_t i = 0; i < 20000; i++)
        syn(i);
    CHECK(right.tcp->half_open == TCP_HALF_OPEN);
    began = time_now();
    finish(pair_open(PORT));
    CHECK(right.tcp->half_open == 0);
    CHECK(time_now() - began < 702 * SECOND);
}

static unsigned late_calls;

static void late(void *ctx, struct flow *f, struct endpoint peer)
{
    (void)f;
    (void)peer;
    late_calls += *(unsigned *)ctx;
}

TEST(a_closed_listener_is_not_called_for_a_half_open_connection)
{
    static unsigned one = 1;

    CHECK(tcpv4_listen(right.tcp, 80, late, &one) == OK);
    script_begin();
    CHECK(script_play("> SYN 100\n"
                      "< SYN,ACK 0 101\n"));
    CHECK(tcpv4_listen(right.tcp, 80, NULL, NULL) == OK);
    CHECK(time_sleep(SECOND / 2) == OK);
    CHECK(script_play("> ACK 101 1\n"
                      ". 100\n"
                      "< RST 1\n"));
    CHECK(late_calls == 0);
    /* Nor does it accept others. */
    CHECK(tcpv4_listen(right.tcp, 80, late, &one) == OK);
    script_begin();
    CHECK(script_play("> SYN 100\n"
                      "< SYN,ACK 0 101\n"));
    CHECK(tcpv4_listen(right.tcp, 80, NULL, NULL) == OK);
    CHECK(tcp_find_listener(right.tcp, 80) == NULL);
    pair_reset();
}

TEST(invariants_held_whenever_a_frame_was_sent)
{
    CHECK(pair_failures == 0 && pair_checks > 1000);
}
