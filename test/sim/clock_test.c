/* SPDX-License-Identifier: ISC */
/*
 * Timers, to the millisecond: the retransmission timeout (RFC 6298), tail loss
 * probes (RFC 8985, 7), keep-alives (RFC 9293, 3.8.4), the user timeout
 * (3.8.3). The peer's MSS is 1,000 bytes.
 */
#include "check.h"
#include "pair.h"
#include "script.h"
#include <string.h>

static struct tcp_counters before;

static void begin(void)
{
    script_restart(33);
    before = right.tcp->counters;
}

/* Opens a connection with an RTT of trip milliseconds. */
static void open_with(const char *options, unsigned trip)
{
    begin();
    CHECK(script_handshake(options, trip, ""));
}

static bool has_counted(uint64_t timeouts, uint64_t probes)
{
    return right.tcp->counters.timeouts - before.timeouts == timeouts &&
           right.tcp->counters.tail_probes - before.tail_probes == probes;
}

/* The retransmission timeout. */

/* Takes many equal RTT samples; returns snd.nxt, relative to the ISS. */
static uint32_t even_out(unsigned trip)
{
    uint32_t next = 1;

    for (int i = 0; i < 40; i++, next += 100) {
        char text[100];

        pair_write(100);
        text_format(text, sizeof text,
                    "< ACK %u 101 +100\n"
                    ". %u\n"
                    "> ACK 101 %u\n"
                    ". 1\n",
                    next, trip, next + 100);
        CHECK(script_play(text));
    }
    return next;
}

TEST(a_constant_rtt_gives_an_rto_of_rtt_plus_200_ms)
{
    open_with("", 250);
    CHECK(even_out(250) == 4001);
    CHECK(pair_tcp()->rtt.srtt >= 249 * MILLISECOND &&
          pair_tcp()->rtt.srtt <= 251 * MILLISECOND);
    CHECK(pair_tcp()->rtt.rto == pair_tcp()->rtt.srtt + 200 * MILLISECOND);
    /* An ACK that is 5 or 190 ms late must not find a retransmission. */
    pair_write(3000);
    CHECK(script_play("< ACK 4001 101 +1000 x3\n"
                      ". 255\n"
                      "> ACK 101 7001\n"
                      ". 1\n"));
    pair_write(3000);
    CHECK(script_play("< ACK 7001 101 +1000 x3\n"
                      ". 440\n"
                      "> ACK 101 10001\n"
                      ". 1\n"));
    CHECK(has_counted(0, 0) &&
          right.tcp->counters.retransmitted == before.retransmitted);
}

TEST(after_a_constant_rtt_the_timeout_comes_200_ms_after_it_and_doubles)
{
    open_with("", 250);
    CHECK(even_out(250) == 4001);
    pair_write(1000);
    CHECK(script_play("< ACK 4001 101 +1000\n"
                      "< ACK 4001 101 +1000 after=450\n"
                      "< ACK 4001 101 +1000 after=900\n"
                      "< ACK 4001 101 +1000 after=1800\n"));
    CHECK(has_counted(3, 0));
}

TEST(with_sack_the_rto_is_rtt_plus_200_ms_too)
{
    open_with("sackok", 250);
    CHECK(even_out(250) == 4001);
    CHECK(pair_tcp()->rtt.rto == pair_tcp()->rtt.srtt + 200 * MILLISECOND);
    pair_write(1000);
    CHECK(script_play("< ACK 4001 101 +1000\n"
                      ". 445\n"
                      "> ACK 101 5001\n"
                      ". 1\n"));
    CHECK(has_counted(0, 0) &&
          right.tcp->counters.retransmitted == before.retransmitted);
}

TEST(the_first_rtt_sample_sets_rttvar_to_half_of_it)
{
    open_with("", 250);
    CHECK(pair_tcp()->rtt.rto >= 750 * MILLISECOND &&
          pair_tcp()->rtt.rto <= 753 * MILLISECOND);
    pair_write(1000);
    CHECK(script_play("< ACK 1 101 +1000\n"
                      "< ACK 1 101 +1000 after=750\n"));
}

/* RFC 6298, 2: alpha is 1/8, beta 1/4. */
TEST(srtt_and_rttvar_are_smoothed)
{
    static const struct {
        unsigned sample, srtt, rttvar, rto; /* milliseconds */
    } steps[] = {{160, 160, 80, 480},
                 {320, 180, 100, 580},
                 {100, 170, 95, 550},
                 {170, 170, 71, 454}};
    static struct connection c;

    c.rtt.backoff = 3;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        rtt_update(&c, steps[i].sample * MILLISECOND);
        CHECK(c.rtt.srtt == steps[i].srtt * MILLISECOND);
        CHECK(c.rtt.rttvar / MILLISECOND == steps[i].rttvar);
        CHECK(c.rtt.rto / MILLISECOND >= steps[i].rto &&
              c.rtt.rto / MILLISECOND <= steps[i].rto + 1);
    }
    CHECK(c.rtt.backoff == 0);
}

TEST(on_a_short_path_the_rto_is_200_ms)
{
    open_with("", 0);
    pair_write(1000);
    CHECK(script_play("< ACK 1 101 +1000\n"
                      "< ACK 1 101 +1000 after=200\n"
                      "< ACK 1 101 +1000 after=400\n"));
}

/* Tail loss probes; the RTT is 100 ms, the RTO 300 ms. */

TEST(with_one_segment_in_flight_the_tlp_replaces_the_timeout)
{
    open_with("sackok", 100);
    pair_write(1000);
    CHECK(script_play("< ACK 1 101 +1000\n"
                      "< ACK 1 101 +1000 after=300\n"));
    CHECK(has_counted(0, 1));
    CHECK(script_play("< ACK 1 101 +1000 after=300\n"));
    CHECK(has_counted(1, 1));
    CHECK(script_play("< ACK 1 101 +1000 after=600\n"));
    CHECK(has_counted(2, 1));
}

TEST(with_several_segments_in_flight_the_tlp_comes_after_two_rtts)
{
    open_with("sackok", 100);
    pair_write(2000);
    CHECK(script_play("< ACK 1 101 +1000 x2\n"
                      "< ACK 1001 101 +1000 after=200\n"));
    CHECK(has_counted(0, 1));
    CHECK(script_play("< ACK 1 101 +1000 after=300\n"));
    CHECK(has_counted(1, 1));
}

TEST(with_one_segment_in_flight_the_tlp_precedes_a_long_rto)
{
    open_with("sackok", 100);
    pair_tcp()->rtt.rto = SECOND;
    pair_write(1000);
    CHECK(script_play("< ACK 1 101 +1000\n"
                      "< ACK 1 101 +1000 after=400\n"));
    CHECK(has_counted(0, 1));
}

TEST(a_duplicate_ack_does_not_restart_the_pto)
{
    open_with("sackok", 100);
    pair_write(2000);
    CHECK(script_play("< ACK 1 101 +1000 x2\n"
                      ". 60\n"
                      "> ACK 101 1\n"
                      ". 60\n"
                      "> ACK 101 1\n"
                      ". 60\n"
                      "> ACK 101 1\n"
                      "< ACK 1001 101 +1000 after=20\n"));
    CHECK(has_counted(0, 1));
}

TEST(an_ack_of_new_data_restarts_the_pto)
{
    open_with("sackok", 100);
    pair_write(3000);
    CHECK(script_play("< ACK 1 101 +1000 x3\n"
                      ". 100\n"
                      "> ACK 101 1001\n"
                      "< ACK 2001 101 +1000 after=200\n"));
    CHECK(has_counted(0, 1));
}

TEST(no_tlp_is_sent_after_a_sack)
{
    open_with("sackok", 100);
    pair_write(3000);
    CHECK(
        script_play("< ACK 1 101 +1000 x3\n"
                    ". 190\n" /* shortly before the PTO */
                    "> ACK 101 1 sack=1001:2001\n"
                    "< ACK 1 101 +1000 after=48\n")); /* RACK: a quarter RTT */
    CHECK(has_counted(0, 0));
}

TEST(no_tlp_is_sent_into_a_closed_window)
{
    open_with("sackok", 100);
    pair_write(1000);
    CHECK(script_play("< ACK 1 101 +1000\n"
                      "> ACK 101 1 win=0\n"
                      ". 2000\n"));
    CHECK(has_counted(0, 0));
}

TEST(a_fin_alone_is_probed_by_tlp)
{
    open_with("sackok", 100);
    pair_let_go();
    CHECK(script_play("< FIN,ACK 1 101\n"
                      "< FIN,ACK 1 101 after=300\n"));
    CHECK(has_counted(0, 1));
}

TEST(no_tlp_is_sent_without_sack)
{
    open_with("", 100);
    pair_write(2000);
    CHECK(script_play("< ACK 1 101 +1000 x2\n"
                      "< ACK 1 101 +1000 after=300\n"));
    CHECK(has_counted(1, 0));
}

/* Keep-alives. */

static const struct flow_options keepalive = {.keepalive_idle = SECOND,
                                              .keepalive_interval = SECOND,
                                              .keepalive_probes = 3};

TEST(an_idle_peer_is_reset_after_three_unanswered_keep_alives)
{
    open_with("", 0);
    flow_set_options(pair_flow, &keepalive);
    CHECK(script_play("< ACK 0 101 after=1000\n"
                      "< ACK 0 101 after=1000\n"
                      "> ACK 101 1\n" /* the peer is alive */
                      "< ACK 0 101 after=1000\n"
                      "< ACK 0 101 after=1000\n"
                      "< ACK 0 101 after=1000\n"
                      "< RST 1 after=1000\n"
                      "-\n"));
    CHECK(right.tcp->count == 0);
}

TEST(no_keep_alive_is_sent_while_data_are_outstanding)
{
    open_with("", 0);
    flow_set_options(pair_flow, &keepalive);
    pair_write(10);
    CHECK(script_play("< ACK 1 101 +10\n"
                      "< ACK 1 101 +10 after=200\n"
                      "< ACK 1 101 +10 after=400\n"
                      "< ACK 1 101 +10 after=800\n"
                      "< ACK 1 101 +10 after=1600\n"
                      "< ACK 1 101 +10 after=3200\n"
                      "< ACK 1 101 +10 after=6400\n"
                      ". 500\n"
                      "> ACK 101 11\n"
                      "< ACK 10 101 after=1000\n")); /* idle again */
}

TEST(no_keep_alive_is_sent_while_data_wait_for_a_window)
{
    open_with("", 0);
    flow_set_options(pair_flow, &keepalive);
    CHECK(script_play("> ACK 101 1 win=0\n. 1\n"));
    pair_write(10);
    CHECK(script_play("< ACK 1 101 +1 after=200\n"
                      "> ACK 101 1 win=0\n"
                      "< ACK 1 101 +1 after=400\n"
                      "> ACK 101 1 win=0\n"
                      "< ACK 1 101 +1 after=800\n"
                      "> ACK 101 1 win=0\n"
                      "< ACK 1 101 +1 after=1600\n"
                      "> ACK 101 1 win=0\n"
                      "< ACK 1 101 +1 after=3200\n"));
}

TEST(no_keep_alive_is_sent_while_our_fin_is_outstanding)
{
    open_with("", 0);
    flow_set_options(pair_flow, &keepalive);
    flow_shutdown(pair_flow, FLOW_WRITING);
    CHECK(script_play("< FIN,ACK 1 101\n"
                      "< FIN,ACK 1 101 after=200\n"
                      "< FIN,ACK 1 101 after=400\n"
                      "< FIN,ACK 1 101 after=800\n"
                      "< FIN,ACK 1 101 after=1600\n"
                      "> ACK 101 2\n"
                      "< ACK 1 101 after=1000\n")); /* FIN-WAIT-2 */
}

static struct flow *flow;

static struct flow *begin_opening(const struct flow_options *o)
{
    struct endpoint to = {ipv4_address(10, 0, 0, 1), 4000};

    begin();
    flow = NULL;
    CHECK(tcpv4_begin(right.tcp, to, NULL, NULL, &flow) == OK);
    flow_set_options(flow, o);
    CHECK(script_play("< SYN 0\n"));
    return flow;
}

TEST(no_keep_alive_is_sent_in_syn_sent)
{
    (void)begin_opening(&keepalive);
    CHECK(script_play("< SYN 0 after=1000\n"
                      "< SYN 0 after=2000\n"
                      "< SYN 0 after=4000\n"
                      "> SYN,ACK 100 1\n"
                      "< ACK 1 101\n"
                      "< ACK 0 101 after=1000\n")); /* established */
    flow_abort(flow);
    flow_close(flow);
}

TEST(no_keep_alive_is_sent_in_syn_received)
{
    (void)begin_opening(&keepalive);
    CHECK(script_play("> SYN 100\n"
                      "< SYN,ACK 0 101\n"
                      "< SYN,ACK 0 101 after=1000\n"
                      "< SYN,ACK 0 101 after=2000\n"
                      "< SYN,ACK 0 101 after=4000\n"
                      "> ACK 101 1\n"
                      "< ACK 0 101 after=1000\n"));
    flow_abort(flow);
    flow_close(flow);
}

/* The user timeout. */

static const struct flow_options a_second = {.user_timeout = SECOND};

static enum status outcome(void)
{
    struct buf *b;

    return pair_flow ? flow_read(pair_flow, &b, 0) : OK;
}

TEST(a_user_timeout_aborts_at_its_time_not_at_the_next_retransmission)
{
    open_with("", 0);
    flow_set_options(pair_flow, &a_second);
    pair_write(10);
    CHECK(script_play("< ACK 1 101 +10\n"
                      "< ACK 1 101 +10 after=200\n"
                      "< ACK 1 101 +10 after=400\n"
                      "< RST 11 after=400\n"
                      "-\n"));
    CHECK(outcome() == ERR_TIMEOUT);
}

TEST(a_user_timeout_set_while_data_are_outstanding_runs_from_their_transmission)
{
    open_with("", 0);
    pair_write(10);
    CHECK(script_play("< ACK 1 101 +10\n"
                      "< ACK 1 101 +10 after=200\n"
                      "< ACK 1 101 +10 after=400\n"
                      ". 100\n"));
    flow_set_options(pair_flow, &a_second);
    CHECK(script_play("< RST 11 after=300\n"
                      "-\n"));
    CHECK(outcome() == ERR_TIMEOUT);
}

TEST(a_user_timeout_that_has_passed_aborts_at_once)
{
    open_with("", 0);
    pair_write(10);
    CHECK(script_play("< ACK 1 101 +10\n"
                      "< ACK 1 101 +10 after=200\n"
                      "< ACK 1 101 +10 after=400\n"
                      "< ACK 1 101 +10 after=800\n"));
    flow_set_options(pair_flow, &a_second);
    CHECK(script_play("< RST 11 after=0\n"));
}

TEST(options_of_a_closed_flow_start_no_timer)
{
    struct connection *c;

    open_with("", 0);
    c = pair_tcp();
    flow_set_options(pair_flow, &a_second);
    pair_write(10);
    CHECK(script_play("< ACK 1 101 +10\n"
                      "> RST 101\n"
                      ". 1\n"));
    CHECK(c->state == TCP_CLOSED && c->is_held);
    flow_set_options(&c->flow, &keepalive);
    flow_set_options(&c->flow, &a_second);
    CHECK(!wheel_is_set(&c->timer));
}

TEST(a_lengthened_user_timeout_takes_effect)
{
    struct flow_options o = {.user_timeout = 3 * SECOND};

    open_with("", 0);
    flow_set_options(pair_flow, &a_second);
    pair_write(10);
    CHECK(script_play("< ACK 1 101 +10\n"
                      "< ACK 1 101 +10 after=200\n"));
    flow_set_options(pair_flow, &o);
    CHECK(script_play("< ACK 1 101 +10 after=400\n"
                      "< ACK 1 101 +10 after=800\n"
                      "< RST 11 after=1600\n"));
}

TEST(an_ack_of_new_data_restarts_the_user_timeout)
{
    open_with("", 0);
    flow_set_options(pair_flow, &a_second);
    pair_write(2000);
    CHECK(script_play("< ACK 1 101 +1000 x2\n"
                      ". 150\n"
                      "> ACK 101 1001\n"
                      "< ACK 1001 101 +1000 after=219\n"
                      "< ACK 1001 101 +1000 after=438\n"
                      "< RST 2001 after=343\n")); /* 1,000 in all */
}

TEST(a_user_timeout_in_syn_sent_sends_nothing)
{
    struct flow_options o = {.user_timeout = 2 * SECOND};
    struct buf *b;

    (void)begin_opening(&o);
    CHECK(script_play("< SYN 0 after=1000\n"
                      "-\n"
                      "-\n"));
    CHECK(flow_read(flow, &b, 0) == ERR_TIMEOUT && right.tcp->count == 0);
    flow_close(flow);
}

TEST(the_default_user_timeout_is_300_seconds)
{
    nanoseconds began;
    struct flow *f;

    open_with("", 0);
    f = pair_flow;
    began = time_now();
    pair_write(10);
    while (((struct connection *)(void *)f)->state != TCP_CLOSED)
        CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(time_now() - began >= 300 * SECOND &&
          time_now() - began <= 300 * SECOND + 5 * MILLISECOND);
}

TEST(invariants_held_whenever_a_frame_was_sent)
{
    begin();
    tcpv4_reset(right.tcp, ERR_GONE);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(pair_checks > 100 && pair_failures == 0);
    CHECK(buf_pages_free() == buf_pages());
}
