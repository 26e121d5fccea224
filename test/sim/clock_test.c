/* SPDX-License-Identifier: ISC */
/*
 * Clocks, to the millisecond: the retransmission time-out (RFC 6298), probes of
 * the tail (RFC 8985, 7), keep-alives (RFC 9293, 3.8.4), the user timeout
 * (3.8.3). The peer takes segments of 1,000 bytes.
 */
#include "check.h"
#include "pair.h"
#include "script.h"
#include <string.h>

static uint8_t             data[20000];
static struct tcp_counters before;

static struct connection *ours(void)
{
    return (void *)pair_flow;
}

static void begin(void)
{
    static bool is_made;

    if (!is_made) {
        sim_seed(33);
        pair_make(1500, 0);
        pair_watch();
        pair_listen(80);
        is_made = true;
    }
    pair_forget();
    CHECK(time_sleep(SECOND) == OK);
    script_begin();
    before = right.tcp->counters;
}

/* Open, with a round trip of so many milliseconds. */
static void open_with(const char *options, unsigned trip)
{
    char text[200];

    begin();
    text_format(text, sizeof text,
                "> SYN 100 mss=1000 %s\n"
                "< SYN,ACK 0 101\n"
                ". %u\n"
                "> ACK 101 1\n"
                ". 1\n",
                options, trip);
    CHECK(script_play(text) && pair_flow != NULL);
}

static void write_bytes(size_t len)
{
    CHECK(flow_write(pair_flow, data, len, FOREVER) == OK);
}

static bool has_counted(uint64_t timeouts, uint64_t probes)
{
    return right.tcp->counters.timeouts - before.timeouts == timeouts &&
           right.tcp->counters.tail_probes - before.tail_probes == probes;
}

/* The retransmission time-out. */

/* Many equal round trips; our next number. */
static uint32_t even_out(unsigned trip)
{
    uint32_t next = 1;

    for (int i = 0; i < 40; i++, next += 100) {
        char text[100];

        write_bytes(100);
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

TEST(an_even_round_trip_leaves_a_timeout_of_200_ms_beyond_it)
{
    open_with("", 250);
    CHECK(even_out(250) == 4001);
    CHECK(ours()->rtt.srtt >= 249 * MILLISECOND &&
          ours()->rtt.srtt <= 251 * MILLISECOND);
    CHECK(ours()->rtt.rto == ours()->rtt.srtt + 200 * MILLISECOND);
    /* An ACK that is 5, or 190, milliseconds late finds nothing sent again. */
    write_bytes(3000);
    CHECK(script_play("< ACK 4001 101 +1000 x3\n"
                      ". 255\n"
                      "> ACK 101 7001\n"
                      ". 1\n"));
    write_bytes(3000);
    CHECK(script_play("< ACK 7001 101 +1000 x3\n"
                      ". 440\n"
                      "> ACK 101 10001\n"
                      ". 1\n"));
    CHECK(has_counted(0, 0) &&
          right.tcp->counters.retransmitted == before.retransmitted);
}

TEST(after_even_round_trips_the_timer_rings_200_ms_beyond_them_and_doubles)
{
    open_with("", 250);
    CHECK(even_out(250) == 4001);
    write_bytes(1000);
    CHECK(script_play("< ACK 4001 101 +1000\n"
                      "< ACK 4001 101 +1000 after=450\n"
                      "< ACK 4001 101 +1000 after=900\n"
                      "< ACK 4001 101 +1000 after=1800\n"));
    CHECK(has_counted(3, 0));
}

TEST(with_sack_too_it_is_a_timeout_of_200_ms_beyond_the_round_trip)
{
    open_with("sackok", 250);
    CHECK(even_out(250) == 4001);
    CHECK(ours()->rtt.rto == ours()->rtt.srtt + 200 * MILLISECOND);
    write_bytes(1000);
    CHECK(script_play("< ACK 4001 101 +1000\n"
                      ". 445\n"
                      "> ACK 101 5001\n"
                      ". 1\n"));
    CHECK(has_counted(0, 0) &&
          right.tcp->counters.retransmitted == before.retransmitted);
}

TEST(the_first_measure_counts_its_half_four_times)
{
    open_with("", 250);
    CHECK(ours()->rtt.rto >= 750 * MILLISECOND && ours()->rtt.rto <= 753 * MILLISECOND);
    write_bytes(1000);
    CHECK(script_play("< ACK 1 101 +1000\n"
                      "< ACK 1 101 +1000 after=750\n"));
}

TEST(on_a_short_way_the_timeout_is_200_ms)
{
    open_with("", 0);
    write_bytes(1000);
    CHECK(script_play("< ACK 1 101 +1000\n"
                      "< ACK 1 101 +1000 after=200\n"
                      "< ACK 1 101 +1000 after=400\n"));
}

/* Probes of the tail; the round trip is 100 ms, the time-out 300 ms. */

TEST(a_probe_of_one_segment_comes_in_the_place_of_the_timeout)
{
    open_with("sackok", 100);
    write_bytes(1000);
    CHECK(script_play("< ACK 1 101 +1000\n"
                      "< ACK 1 101 +1000 after=300\n"));
    CHECK(has_counted(0, 1));
    CHECK(script_play("< ACK 1 101 +1000 after=300\n"));
    CHECK(has_counted(1, 1));
    CHECK(script_play("< ACK 1 101 +1000 after=600\n"));
    CHECK(has_counted(2, 1));
}

TEST(a_probe_of_several_comes_after_two_round_trips)
{
    open_with("sackok", 100);
    write_bytes(2000);
    CHECK(script_play("< ACK 1 101 +1000 x2\n"
                      "< ACK 1001 101 +1000 after=200\n"));
    CHECK(has_counted(0, 1));
    CHECK(script_play("< ACK 1 101 +1000 after=300\n"));
    CHECK(has_counted(1, 1));
}

TEST(a_probe_of_one_segment_comes_before_a_timeout_that_is_far_off)
{
    open_with("sackok", 100);
    ours()->rtt.rto = SECOND;
    write_bytes(1000);
    CHECK(script_play("< ACK 1 101 +1000\n"
                      "< ACK 1 101 +1000 after=400\n"));
    CHECK(has_counted(0, 1));
}

TEST(a_duplicate_ack_does_not_put_off_the_probe)
{
    open_with("sackok", 100);
    write_bytes(2000);
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

TEST(an_ack_of_something_new_puts_off_the_probe)
{
    open_with("sackok", 100);
    write_bytes(3000);
    CHECK(script_play("< ACK 1 101 +1000 x3\n"
                      ". 100\n"
                      "> ACK 101 1001\n"
                      "< ACK 2001 101 +1000 after=200\n"));
    CHECK(has_counted(0, 1));
}

TEST(where_something_was_sacked_there_is_no_probe)
{
    open_with("sackok", 100);
    write_bytes(3000);
    CHECK(script_play("< ACK 1 101 +1000 x3\n"
                      ". 100\n"
                      "> ACK 101 1 sack=1001:2001\n"
                      "< ACK 1 101 +1000 after=25\n")); /* RACK: a quarter */
    CHECK(has_counted(0, 0));
}

TEST(a_fin_alone_is_probed_too)
{
    open_with("sackok", 100);
    pair_let_go();
    CHECK(script_play("< FIN,ACK 1 101\n"
                      "< FIN,ACK 1 101 after=300\n"));
    CHECK(has_counted(0, 1));
}

TEST(a_peer_without_sack_gets_no_probe_but_the_timeout)
{
    open_with("", 100);
    write_bytes(2000);
    CHECK(script_play("< ACK 1 101 +1000 x2\n"
                      "< ACK 1 101 +1000 after=300\n"));
    CHECK(has_counted(1, 0));
}

/* Keep-alives. */

static const struct flow_options keepalive = {.keepalive_idle = SECOND,
                                              .keepalive_interval = SECOND,
                                              .keepalive_probes = 3};

TEST(an_idle_peer_is_asked_and_after_three_questions_reset)
{
    open_with("", 0);
    flow_set_options(pair_flow, &keepalive);
    CHECK(script_play("< ACK 0 101 after=1000\n"
                      "< ACK 0 101 after=1000\n"
                      "> ACK 101 1\n" /* it lives */
                      "< ACK 0 101 after=1000\n"
                      "< ACK 0 101 after=1000\n"
                      "< ACK 0 101 after=1000\n"
                      "< RST 1 after=1000\n"
                      "-\n"));
    CHECK(right.tcp->count == 0);
}

TEST(nobody_is_asked_while_data_are_outstanding)
{
    open_with("", 0);
    flow_set_options(pair_flow, &keepalive);
    write_bytes(10);
    CHECK(script_play("< ACK 1 101 +10\n"
                      "< ACK 1 101 +10 after=200\n"
                      "< ACK 1 101 +10 after=400\n"
                      "< ACK 1 101 +10 after=800\n"
                      "< ACK 1 101 +10 after=1600\n"
                      "< ACK 1 101 +10 after=3200\n"
                      "< ACK 1 101 +10 after=6400\n"
                      ". 500\n"
                      "> ACK 101 11\n"
                      "< ACK 10 101 after=1000\n")); /* and idle again */
}

TEST(nobody_is_asked_while_data_wait_for_a_window)
{
    open_with("", 0);
    flow_set_options(pair_flow, &keepalive);
    CHECK(script_play("> ACK 101 1 win=0\n. 1\n"));
    write_bytes(10);
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

TEST(nobody_is_asked_while_our_end_is_outstanding)
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

TEST(nobody_is_asked_before_it_has_answered_our_syn)
{
    (void)begin_opening(&keepalive);
    CHECK(script_play("< SYN 0 after=1000\n"
                      "< SYN 0 after=2000\n"
                      "< SYN 0 after=4000\n"
                      "> SYN,ACK 100 1\n"
                      "< ACK 1 101\n"
                      "< ACK 0 101 after=1000\n")); /* now it is open */
    flow_abort(flow);
    flow_close(flow);
}

TEST(nobody_is_asked_in_syn_received)
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

TEST(a_user_timeout_ends_it_on_its_time_not_with_the_next_retransmission)
{
    open_with("", 0);
    flow_set_options(pair_flow, &a_second);
    write_bytes(10);
    CHECK(script_play("< ACK 1 101 +10\n"
                      "< ACK 1 101 +10 after=200\n"
                      "< ACK 1 101 +10 after=400\n"
                      "< RST 11 after=400\n"
                      "-\n"));
    CHECK(outcome() == ERR_TIMEOUT);
}

TEST(a_user_timeout_that_is_set_while_data_are_outstanding_counts_from_them)
{
    open_with("", 0);
    write_bytes(10);
    CHECK(script_play("< ACK 1 101 +10\n"
                      "< ACK 1 101 +10 after=200\n"
                      "< ACK 1 101 +10 after=400\n"
                      ". 100\n"));
    flow_set_options(pair_flow, &a_second);
    CHECK(script_play("< RST 11 after=300\n"
                      "-\n"));
    CHECK(outcome() == ERR_TIMEOUT);
}

TEST(a_user_timeout_that_has_passed_already_ends_it_at_once)
{
    open_with("", 0);
    write_bytes(10);
    CHECK(script_play("< ACK 1 101 +10\n"
                      "< ACK 1 101 +10 after=200\n"
                      "< ACK 1 101 +10 after=400\n"
                      "< ACK 1 101 +10 after=800\n"));
    flow_set_options(pair_flow, &a_second);
    CHECK(script_play("< RST 11 after=0\n"));
}

TEST(options_of_a_flow_that_has_ended_set_no_clock)
{
    struct connection *c;

    open_with("", 0);
    c = ours();
    flow_set_options(pair_flow, &a_second);
    write_bytes(10);
    CHECK(script_play("< ACK 1 101 +10\n"
                      "> RST 101\n"
                      ". 1\n"));
    CHECK(c->state == TCP_CLOSED && c->is_held);
    flow_set_options(&c->flow, &keepalive);
    flow_set_options(&c->flow, &a_second);
    CHECK(!wheel_is_set(&c->timer));
}

TEST(a_user_timeout_that_is_lengthened_counts_as_it_is)
{
    struct flow_options o = {.user_timeout = 3 * SECOND};

    open_with("", 0);
    flow_set_options(pair_flow, &a_second);
    write_bytes(10);
    CHECK(script_play("< ACK 1 101 +10\n"
                      "< ACK 1 101 +10 after=200\n"));
    flow_set_options(pair_flow, &o);
    CHECK(script_play("< ACK 1 101 +10 after=400\n"
                      "< ACK 1 101 +10 after=800\n"
                      "< RST 11 after=1600\n"));
}

TEST(an_ack_of_something_new_begins_the_user_timeout_anew)
{
    open_with("", 0);
    flow_set_options(pair_flow, &a_second);
    write_bytes(2000);
    CHECK(script_play("< ACK 1 101 +1000 x2\n"
                      ". 150\n"
                      "> ACK 101 1001\n"
                      "< ACK 1001 101 +1000 after=219\n"
                      "< ACK 1001 101 +1000 after=438\n"
                      "< RST 2001 after=343\n")); /* 1,000 in all */
}

TEST(a_user_timeout_ends_an_opening_without_a_word)
{
    struct flow_options o = {.user_timeout = 2 * SECOND};
    struct buf         *b;

    (void)begin_opening(&o);
    CHECK(script_play("< SYN 0 after=1000\n"
                      "-\n"
                      "-\n"));
    CHECK(flow_read(flow, &b, 0) == ERR_TIMEOUT && right.tcp->count == 0);
    flow_close(flow);
}

TEST(without_one_it_ends_after_300_seconds)
{
    nanoseconds  began;
    struct flow *f;

    open_with("", 0);
    f = pair_flow;
    began = time_now();
    write_bytes(10);
    while (((struct connection *)(void *)f)->state != TCP_CLOSED)
        CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(time_now() - began >= 300 * SECOND &&
          time_now() - began <= 300 * SECOND + 5 * MILLISECOND);
}

TEST(every_moment_was_as_it_must_be)
{
    begin();
    tcpv4_reset(right.tcp, ERR_GONE);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(pair_looked > 100 && pair_wrong == 0);
    CHECK(buf_pages_free() == buf_pages());
}
