/* SPDX-License-Identifier: ISC */
/* Congestion window validation (RFC 7661), TIME-WAIT's list, by their
 * variables. The MSS is 1,000 bytes: the initial window is 10,000. */
#include "check.h"
#include "pair.h"

#define PORT 5000

static struct connection c;

/* A connection with a cwnd of which in_flight bytes are in flight. */
static void begin(uint32_t cwnd, uint32_t in_flight)
{
    memset(&c, 0, sizeof c);
    c.mss = 1000;
    c.cwnd = cwnd;
    c.ssthresh = UINT32_MAX;
    c.sack.permitted = true;
    c.sent.in_flight = in_flight;
}

static void send(uint32_t in_flight, nanoseconds at)
{
    c.sent.in_flight = in_flight;
    congestion_on_sent(&c, at);
}

TEST(the_peak_of_flight_is_that_of_this_second_and_the_one_before)
{
    nanoseconds t = 100 * SECOND;

    begin(8000, 0);
    send(5000, t);
    CHECK(c.cwv.peak == 5000);
    send(1000, t + SECOND);
    CHECK(c.cwv.peak == 1000 && c.cwv.prior_peak == 5000);
    send(100, t + 3 * SECOND / 2); /* the same second */
    CHECK(c.cwv.peak == 1000 && c.cwv.prior_peak == 5000);
    send(200, t + 2 * SECOND);
    CHECK(c.cwv.peak == 200 && c.cwv.prior_peak == 1000);
    send(300, t + 4 * SECOND); /* nothing was sent in the one before */
    CHECK(c.cwv.peak == 300 && c.cwv.prior_peak == 0);
    /* On a long path it is three round trips. */
    begin(8000, 0);
    c.rtt.srtt = SECOND;
    send(5000, t);
    send(1000, t + 3 * SECOND - 1);
    CHECK(c.cwv.peak == 5000);
    send(1000, t + 3 * SECOND);
    CHECK(c.cwv.peak == 1000 && c.cwv.prior_peak == 5000);
}

TEST(a_burst_is_limited_if_less_than_half_of_cwnd_was_used)
{
    sim_seed(3);
    begin(40000, 3000);
    c.cwv.peak = 20000;
    CHECK(congestion_burst(&c) == UINT32_MAX && c.cwv.unused_since == 0);
    c.cwv.peak = 19999;
    CHECK(congestion_burst(&c) == 10000 + 19999 - 3000);
    CHECK(c.cwv.unused_since == time_now());
    c.cwv.peak = 2000; /* less than is in flight */
    CHECK(congestion_burst(&c) == 10000);
}

TEST(a_window_that_is_not_used_is_halved_every_five_minutes)
{
    static const uint32_t after[] = {20000, 10000, 10000, 10000};

    begin(40000, 0);
    CHECK(time_sleep(SECOND) == OK);
    (void)congestion_burst(&c);
    CHECK(time_sleep(299 * SECOND) == OK);
    (void)congestion_burst(&c);
    CHECK(c.cwnd == 40000);
    CHECK(time_sleep(SECOND) == OK);
    for (size_t i = 0; i < sizeof after / sizeof after[0]; i++) {
        (void)congestion_burst(&c);
        CHECK(c.cwnd == after[i]);
        CHECK(time_sleep(300 * SECOND) == OK);
    }
    begin(15000, 0); /* not below the initial window */
    (void)congestion_burst(&c);
    CHECK(time_sleep(300 * SECOND) == OK);
    (void)congestion_burst(&c);
    CHECK(c.cwnd == 10000);
    c.ssthresh = 5000;
    c.cwnd = 40000;
    CHECK(time_sleep(300 * SECOND) == OK);
    (void)congestion_burst(&c);
    CHECK(c.cwnd == 20000 && c.ssthresh == 30000); /* 4.4.3 */
}

TEST(a_window_grows_if_half_of_it_is_used)
{
    begin(40000, 10000);
    CHECK(!congestion_may_grow(&c, 8999));
    CHECK(congestion_may_grow(&c, 9000)); /* and a segment more */
    c.cwnd = 2 * TCP_QUEUE_MOST;
    c.sent.in_flight = c.cwnd;
    CHECK(congestion_may_grow(&c, 0));
    c.cwnd++;
    CHECK(!congestion_may_grow(&c, 0));
}

TEST(slow_start_ends_at_ssthresh)
{
    begin(10000, 10000);
    c.ssthresh = 12000;
    CHECK(congestion_slow_start(&c, 1500) == 0 && c.cwnd == 11500);
    CHECK(congestion_slow_start(&c, 1500) == 1000 && c.cwnd == 12000);
    CHECK(congestion_slow_start(&c, 1500) == 1500 && c.cwnd == 12000);
}

TEST(the_restart_window_is_not_larger_than_cwnd)
{
    begin(40000, 0);
    c.ssthresh = 20000;
    c.cwv.peak = c.cwv.prior_peak = 7;
    c.recovery.phase = TCP_REDUCED;
    congestion_restart(&c);
    CHECK(c.cwnd == 10000 && c.ssthresh == 30000);
    CHECK(c.cwv.peak == 0 && c.cwv.prior_peak == 0);
    CHECK(c.recovery.phase == TCP_OPEN);
    begin(3000, 0);
    congestion_restart(&c);
    CHECK(c.cwnd == 3000 && c.ssthresh == UINT32_MAX);
}

/* Connections in TIME-WAIT, from the oldest on and from the newest on. */
static bool has_in_time_wait(unsigned count)
{
    unsigned forth = 0, back = 0;

    for (struct connection *o = left.tcp->oldest; o; o = o->newer)
        forth++;
    for (struct connection *o = left.tcp->newest; o; o = o->older)
        back++;
    return forth == count && back == count;
}

TEST(connections_in_time_wait_are_in_a_list_by_age)
{
    struct connection *mine[3];

    pair_make(1500, 0);
    pair_listen(PORT);
    for (unsigned i = 0; i < 3; i++) {
        struct flow *f = pair_open(PORT);

        mine[i] = tcp_of(f);
        flow_close(f);
        CHECK(time_sleep(SECOND) == OK);
        pair_let_go();
        CHECK(time_sleep(SECOND) == OK && has_in_time_wait(i + 1));
    }
    CHECK(tcp_oldest_in_time_wait(left.tcp) == mine[0]);
    tcp_end(mine[1], OK); /* of the middle */
    CHECK(has_in_time_wait(2) && mine[0]->newer == mine[2]);
    tcp_end(mine[0], OK);
    CHECK(has_in_time_wait(1));
    CHECK(tcp_oldest_in_time_wait(left.tcp) == mine[2]);
    CHECK(time_sleep(70 * SECOND) == OK && has_in_time_wait(0));
    CHECK(left.tcp->oldest == NULL && left.tcp->newest == NULL);
}
