/* SPDX-License-Identifier: ISC */
/*
 * Growth of cwnd: CUBIC against the formulas of RFC 9438, which the test
 * computes itself, NewReno, pacing, and unused windows (RFC 7661).
 */
#include "check.h"
#include "pair.h"
#include <math.h>
#include <string.h>

#define PORT 5000

static struct flow *accepted;
static struct waiters handled;
static bool is_done;
static uint8_t data[1 << 20];

static void sink(void *ctx, struct flow *f, struct endpoint peer)
{
    struct buf *b;

    (void)ctx;
    (void)peer;
    accepted = f;
    while (flow_read(f, &b, FOREVER) == OK)
        buf_free(b);
    accepted = NULL;
}

/* Sets the one-way delay of the wires, and a rate. */
static void set_delay(nanoseconds delay)
{
    struct sim_faults f = {.delay = delay, .rate = 60000000, .queue = 10000};

    pair_faults(&f);
}

static struct flow *open_over(nanoseconds delay, enum tcpv4_congestion which)
{
    struct endpoint to = {ipv4_address(10, 0, 0, 2), PORT};
    static bool is_made;
    struct flow *f = NULL;

    if (!is_made) {
        sim_seed(3);
        pair_make(1500, 0);
        pair_watch();
        CHECK(tcpv4_listen(right.tcp, PORT, sink, NULL) == OK);
        is_made = true;
    }
    tcpv4_set_congestion(left.tcp, which);
    set_delay(delay);
    CHECK(tcpv4_open(left.tcp, to, FOREVER, &f) == OK);
    return f;
}

static void pour(void *ctx)
{
    while (!is_done && flow_write(ctx, data, sizeof data, FOREVER) == OK)
        continue;
    is_done = false;
    wake_all(&handled);
}

static void finish(struct flow *f)
{
    flow_abort(f);
    flow_close(f);
    CHECK(time_sleep(100 * SECOND) == OK);
}

/* Sends until `segments` are in flight, drops one, and waits until the recovery
 * has ended. */
static void lose_one_of(struct flow *f, uint32_t segments, nanoseconds delay)
{
    static const struct sim_faults dead = {.loss = 1000000};
    struct connection *c = tcp_of(f);
    struct sim_counters n;
    uint64_t lost;

    CHECK(fiber_start(pour, f) == OK);
    for (int i = 0; i < 1000 && c->sent.in_flight < segments * c->mss; i++)
        CHECK(time_sleep(delay / 4) == OK);
    c->ssthresh = c->cwnd = segments * c->mss;
    CHECK(time_sleep(6 * delay) == OK);
    CHECK(c->recovery.phase == TCP_OPEN);
    c->cwnd = segments * c->mss;
    memset(&c->cubic, 0, sizeof c->cubic);
    sim_counters(left.net, &n);
    lost = n.lost;
    sim_set_faults(left.net, &dead);
    for (int i = 0; i < 1000 && n.lost == lost; i++) {
        CHECK(time_sleep(delay / 50) == OK);
        sim_counters(left.net, &n);
    }
    set_delay(delay);
    for (int i = 0; i < 1000 && c->recovery.phase == TCP_OPEN; i++)
        CHECK(time_sleep(delay / 50) == OK);
    for (int i = 0; i < 1000 && c->recovery.phase != TCP_OPEN; i++)
        CHECK(time_sleep(delay / 50) == OK);
    CHECK(n.lost > lost && c->recovery.phase == TCP_OPEN);
}

static double segments_of(const struct connection *c)
{
    return (double)c->cwnd / c->mss;
}

static bool is_near(double found, double wanted)
{
    double off = fabs(found - wanted);

    if (off <= 2.5 || off <= 0.03 * wanted)
        return true;
    printf("%.1f segments, not %.1f\n", found, wanted);
    return false;
}

TEST(cubic_grows_as_the_formulas_of_rfc_9438)
{
    nanoseconds delay = 100 * MILLISECOND, began;
    struct flow *f = open_over(delay, TCPV4_CUBIC);
    struct connection *c = tcp_of(f);
    double w_max = 200, cwnd, k, t, rtt = 0.2;

    lose_one_of(f, 200, delay);
    began = time_now();
    cwnd = segments_of(c);
    CHECK(is_near(cwnd, 0.7 * w_max));
    k = cbrt((w_max - cwnd) / 0.4);
    do {
        CHECK(time_sleep(SECOND) == OK);
        t = (double)(time_now() - began) / 1e9;
        /* Each ACK adds only a part of the growth that the formula gives for
         * an RTT later, so cwnd is slightly below it. */
        CHECK(is_near(segments_of(c), 0.4 * pow(t - k, 3) + w_max));
    } while (t < 2 * k - rtt);
    CHECK(segments_of(c) > w_max * 1.2);
    finish(f);
}

TEST(on_a_short_path_cubic_grows_as_reno)
{
    nanoseconds delay = 10 * MILLISECOND, began;
    struct flow *f = open_over(delay, TCPV4_CUBIC);
    struct connection *c = tcp_of(f);
    double w_max = 30, cwnd, trips, back;

    lose_one_of(f, 30, delay);
    began = time_now();
    cwnd = segments_of(c);
    CHECK(is_near(cwnd, 0.7 * w_max));
    back = (w_max - cwnd) / (3 * 0.3 / 1.7); /* in RTTs */
    for (int i = 0; i < 8; i++) {
        CHECK(time_sleep(100 * MILLISECOND) == OK);
        trips = (double)(time_now() - began) / (double)c->rtt.srtt;
        CHECK(is_near(segments_of(c), trips < back
                                          ? cwnd + trips * 3 * 0.3 / 1.7
                                          : w_max + (trips - back)));
    }
    finish(f);
}

TEST(a_loss_below_w_max_causes_fast_convergence)
{
    nanoseconds delay = 50 * MILLISECOND;
    struct flow *f = open_over(delay, TCPV4_CUBIC);
    struct connection *c = tcp_of(f);

    lose_one_of(f, 100, delay);
    CHECK(is_near((double)c->cubic.w_max / c->mss, 100));
    c->congestion->lost(c, c->cwnd);
    CHECK(is_near((double)c->cubic.w_max / c->mss, 70 * 0.85));
    c->congestion->undo(c);
    CHECK(is_near((double)c->cubic.w_max / c->mss, 100));
    finish(f);
}

TEST(newreno_halves_cwnd_and_adds_a_segment_per_rtt)
{
    nanoseconds delay = 50 * MILLISECOND, began;
    struct flow *f = open_over(delay, TCPV4_NEWRENO);
    struct connection *c = tcp_of(f);

    lose_one_of(f, 100, delay);
    began = time_now();
    CHECK(is_near(segments_of(c), 50));
    for (int i = 0; i < 5; i++) {
        CHECK(time_sleep(SECOND) == OK);
        CHECK(is_near(segments_of(c),
                      50 + (double)(time_now() - began) / 1e8));
    }
    finish(f);
}

TEST(a_few_megabytes_take_the_rtts_of_slow_start)
{
    nanoseconds delay = 10 * MILLISECOND, began = time_now();
    struct sim_faults wide = {
        .delay = delay, .rate = 2000000000, .queue = 10000};
    struct flow *f = open_over(delay, TCPV4_CUBIC);
    struct connection *c = tcp_of(f);
    uint32_t first = c->snd.una;

    pair_faults(&wide);
    CHECK(fiber_start(pour, f) == OK);
    while (c->snd.una - first < 4000000 && time_now() - began < SECOND)
        CHECK(time_sleep(MILLISECOND) == OK);
    /* 14,480 bytes double to 3.7 million in eight RTTs; the handshake and the
     * growth of the receive window take some more. */
    CHECK(time_now() - began < 14 * 2 * delay);
    finish(f);
}

TEST(in_slow_start_cwnd_grows_by_the_acknowledged_bytes)
{
    nanoseconds delay = 50 * MILLISECOND;
    struct flow *f = open_over(delay, TCPV4_CUBIC);
    struct connection *c = tcp_of(f);
    uint32_t cwnd = c->cwnd;

    CHECK(fiber_start(pour, f) == OK);
    CHECK(cwnd == 10u * c->mss);
    for (int i = 1; i <= 40; i++) {
        CHECK(time_sleep(delay / 5) == OK);
        CHECK(c->cwnd == cwnd + (c->snd.una - c->iss - 1));
    }
    CHECK(c->cwnd > cwnd << 2);
    finish(f);
}

/* Opens a connection, and sets its state as if forty segments had just been in
 * flight and were acknowledged. Writes sixty kilobytes. */
static struct flow *open_wide(nanoseconds delay)
{
    struct flow *f = open_over(delay, TCPV4_CUBIC);
    struct connection *c = tcp_of(f);

    CHECK(flow_write(f, data, 1000, FOREVER) == OK); /* samples the RTT */
    CHECK(time_sleep(3 * delay) == OK);
    c->cwnd = c->ssthresh = c->cwv.peak = 40u * c->mss;
    c->cwv.peak_since = time_now();
    CHECK(flow_write(f, data, 60000, time_after(0)) == OK);
    return f;
}

TEST(on_a_long_path_a_window_is_paced_over_most_of_an_rtt)
{
    struct flow *f = open_wide(50 * MILLISECOND);
    struct connection *c = tcp_of(f);
    nanoseconds began = time_now();

    CHECK(c->sent.in_flight == 10u * c->mss);
    /* The pacing rate is 9/8 of cwnd: 45 segments per RTT. The timer is set
     * for the next of them. */
    CHECK(c->clock[TCP_PACE] > time_after(2 * MILLISECOND));
    for (int i = 1; i <= 6; i++) {
        CHECK(time_sleep(10 * MILLISECOND) == OK);
        CHECK(is_near((double)c->sent.in_flight / c->mss,
                      10 + 0.45 * (double)(time_now() - began) / 1e6));
    }
    CHECK(time_sleep(20 * MILLISECOND) == OK);
    CHECK(c->sent.in_flight == 40u * c->mss);
    finish(f);
}

TEST(on_a_short_path_a_window_is_not_paced)
{
    struct flow *f = open_wide(MILLISECOND);
    struct connection *c = tcp_of(f);

    CHECK(c->sent.in_flight == 40u * c->mss);
    finish(f);
}

/* RFC 8985, 6.2: the reordering window adapts. */

TEST(on_a_reordering_wire_the_reordering_window_grows)
{
    /* Segments are late by up to 15 ms, more than a quarter of the RTT. */
    struct sim_faults faults = {.delay = 5 * MILLISECOND,
                                .reorder = 20000,
                                .rate = 60000000,
                                .queue = 10000};
    struct flow *f = open_over(35 * MILLISECOND, TCPV4_CUBIC);
    uint64_t first = left.tcp->counters.retransmitted, resent;
    uint64_t timeouts = left.tcp->counters.timeouts;

    sim_set_faults(left.net, &faults);
    CHECK(fiber_start(pour, f) == OK);
    CHECK(time_sleep(3 * SECOND) == OK);
    resent = left.tcp->counters.retransmitted;
    CHECK(time_sleep(3 * SECOND) == OK);
    CHECK(tcp_of(f)->rack.reordering_seen && tcp_of(f)->rack.reo_wnd_mult > 1 &&
          resent > first);
    /* Some 300 segments are late in that time. */
    CHECK(left.tcp->counters.retransmitted - resent < (resent - first) / 10);
    CHECK(left.tcp->counters.timeouts == timeouts);
    CHECK(tcp_of(f)->cwnd > 100u * tcp_of(f)->mss);
    finish(f);
}

/* RFC 7661 */

TEST(an_unused_cwnd_does_not_grow)
{
    nanoseconds delay = 10 * MILLISECOND;
    struct flow *f = open_over(delay, TCPV4_CUBIC);
    struct connection *c = tcp_of(f);
    uint32_t cwnd = c->cwnd;

    for (int i = 0; i < 200; i++) {
        CHECK(flow_write(f, data, 3000, FOREVER) == OK);
        CHECK(time_sleep(70 * MILLISECOND) == OK);
    }
    CHECK(c->cwnd == cwnd);
    finish(f);
}

TEST(after_an_idle_time_cwnd_is_ten_segments_and_ssthresh_is_kept)
{
    nanoseconds delay = 50 * MILLISECOND;
    struct flow *f = open_over(delay, TCPV4_CUBIC);
    struct connection *c = tcp_of(f);
    uint32_t cwnd, kept;

    CHECK(flow_write(f, data, 600000, FOREVER) == OK);
    CHECK(time_sleep(5 * SECOND) == OK);
    cwnd = c->cwnd;
    CHECK(cwnd > 100u * c->mss);
    CHECK(flow_write(f, data, 60000, time_after(0)) == OK);
    CHECK(c->sent.in_flight == 10u * c->mss); /* by pacing, too */
    CHECK(c->cwnd == 10u * c->mss);
    CHECK(c->ssthresh == UINT32_MAX);
    /* RFC 7661, 4.4.3 */
    CHECK(time_sleep(5 * SECOND) == OK);
    cwnd = c->cwnd;
    for (kept = cwnd / 2; kept < 2 * cwnd; kept += cwnd) {
        c->ssthresh = kept;
        c->cwnd = cwnd;
        congestion_restart(c);
        CHECK(c->ssthresh == (kept < cwnd ? cwnd - cwnd / 4 : kept));
    }
    finish(f);
}

TEST(a_hardly_used_cwnd_is_not_sent_in_one_burst)
{
    nanoseconds delay = MILLISECOND; /* too short for pacing */
    struct flow *f = open_over(delay, TCPV4_CUBIC);
    struct connection *c = tcp_of(f);
    uint32_t cwnd;

    CHECK(flow_write(f, data, 1000000, FOREVER) == OK);
    CHECK(time_sleep(3 * SECOND) == OK);
    for (int i = 0; i < 100; i++) { /* ten seconds of little data */
        c->last_sent = time_now(); /* but never idle */
        CHECK(flow_write(f, data, 1000, FOREVER) == OK);
        CHECK(time_sleep(100 * MILLISECOND) == OK);
    }
    cwnd = c->cwnd;
    CHECK(cwnd > 100u * c->mss);
    CHECK(flow_write(f, data, 200000, time_after(0)) == OK);
    CHECK(c->sent.in_flight <= 13u * c->mss &&
          c->sent.in_flight >= 9u * c->mss);
    for (int i = 0; i < 40 && c->sent.in_flight <= 30u * c->mss;
         i++) /* ACK by ACK */
        CHECK(time_sleep(MILLISECOND / 10) == OK);
    CHECK(c->cwnd == cwnd && c->sent.in_flight > 30u * c->mss);
    finish(f);
}

TEST(a_cwnd_unused_for_five_minutes_is_halved)
{
    nanoseconds delay = 50 * MILLISECOND;
    struct flow *f = open_over(delay, TCPV4_CUBIC);
    struct connection *c = tcp_of(f);
    uint32_t cwnd;

    CHECK(flow_write(f, data, 1000000, FOREVER) == OK);
    CHECK(time_sleep(SECOND) == OK);
    cwnd = c->cwnd;
    c->last_sent = time_now();
    for (int i = 0; i < 3100; i++) {
        CHECK(flow_write(f, data, 1000, FOREVER) == OK);
        CHECK(time_sleep(100 * MILLISECOND) == OK);
    }
    CHECK(c->cwnd == cwnd / 2 && c->ssthresh >= cwnd - cwnd / 4);
    finish(f);
}

/* Returns MB per second of virtual time with 1 % loss in each direction. Checks
 * that there is at most one timeout. */
static double goodput(nanoseconds delay)
{
    double sum = 0;

    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct sim_faults faults = {.delay = delay,
                                    .loss = 10000,
                                    .rate = 1000000000,
                                    .queue = 10000,
                                    .seed = seed};
        struct flow *f = open_over(delay, TCPV4_CUBIC);
        struct connection *c = tcp_of(f);
        uint32_t first = c->snd.una;
        uint64_t timeouts = left.tcp->counters.timeouts;

        pair_faults(&faults);
        CHECK(fiber_start(pour, f) == OK);
        CHECK(time_sleep(20 * SECOND) == OK);
        sum += (double)(c->snd.una - first) / 20e6;
        CHECK(left.tcp->counters.timeouts - timeouts <= 1);
        set_delay(delay);
        finish(f);
    }
    printf("%.2f MB/s at 1 %% and %u ms\n", sum / 3,
           (unsigned)(delay / MILLISECOND));
    return sum / 3;
}

/* RFC 9438, 4.3: at a loss rate p, the average of cwnd is
 * sqrt(alpha * 1.7 / 0.6 / p) segments of 1,448 bytes: 12.2 with alpha = 9/17,
 * and at most 16.8, with alpha = 1. */
TEST(with_losses_the_throughput_is_that_of_cubics_formula)
{
    CHECK(goodput(10 * MILLISECOND) > 0.885);
    CHECK(goodput(5 * MILLISECOND) > 1.5);
}

/* A link of a megabyte per second; the second flow starts when the first has
 * all of it. */
TEST(two_flows_converge_to_a_fair_share_of_a_link)
{
    nanoseconds delay = 10 * MILLISECOND;
    struct sim_faults link = {.delay = delay, .rate = 8000000, .queue = 50};
    struct flow *f[2];
    uint32_t first[2];
    double share[2];

    for (int i = 0; i < 2; i++) {
        f[i] = open_over(delay, TCPV4_CUBIC);
        pair_faults(&link);
        CHECK(fiber_start(pour, f[i]) == OK);
        CHECK(time_sleep(10 * SECOND) == OK);
    }
    CHECK(time_sleep(20 * SECOND) == OK);
    for (int i = 0; i < 2; i++)
        first[i] = tcp_of(f[i])->snd.una;
    CHECK(time_sleep(60 * SECOND) == OK);
    for (int i = 0; i < 2; i++)
        share[i] = (double)(tcp_of(f[i])->snd.una - first[i]) / 60e6;
    printf("%.2f and %.2f of a link\n", share[0], share[1]);
    CHECK(share[0] + share[1] > 0.9); /* the rest is headers */
    CHECK(share[0] < 1.5 * share[1] && share[1] < 1.5 * share[0]);
    for (int i = 0; i < 2; i++)
        finish(f[i]);
}

TEST(invariants_held_whenever_a_frame_was_sent)
{
    CHECK(pair_failures == 0 && pair_checks > 1000);
}
