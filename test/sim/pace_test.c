/* SPDX-License-Identifier: ISC */
/* Pacing, by its formulas. The MSS is 1,000 bytes, the round trip 100 ms. */
#include "check.h"
#include "pair.h"

static struct wheel wheel;
static struct tcpv4 tcp;
static struct connection c;

/* A connection that has sent nothing for a while, beyond slow start. */
static void begin(void)
{
    sim_seed(4);
    CHECK(time_sleep(10 * SECOND) == OK);
    memset(&tcp, 0, sizeof tcp);
    memset(&c, 0, sizeof c);
    wheel_init(&wheel, time_now());
    tcp.wheel = &wheel;
    c.tcp = &tcp;
    c.mss = 1000;
    c.cwnd = 100000;
    c.ssthresh = 50000;
    c.rtt.srtt = 100 * MILLISECOND;
    c.rack.min_rtt = 100 * MILLISECOND;
    for (int i = 0; i < TCP_CLOCKS; i++)
        c.clock[i] = FOREVER;
}

static bool is_about(uint64_t n, uint64_t wanted)
{
    return n + 1 >= wanted && n <= wanted + 2;
}

TEST(a_burst_of_ten_segments_is_saved_up)
{
    begin();
    CHECK(pacing_limit(&c, 9000) == 9000);
    CHECK(is_about(pacing_limit(&c, 50000), 10000));
    /* Two milliseconds' worth, if that is more. */
    c.cwnd = 1000000;
    CHECK(is_about(pacing_limit(&c, 500000), 22500));
    CHECK(c.clock[TCP_PACE] == FOREVER);
}

/* 112,500 bytes per round trip, or 200,000 in slow start. */
TEST(after_it_the_rate_is_nine_eighths_of_cwnd_per_round_trip_or_twice_cwnd)
{
    for (int slow_start = 0; slow_start < 2; slow_start++) {
        uint64_t per_ms = slow_start ? 2000 : 1125;
        nanoseconds now;

        begin();
        c.ssthresh = slow_start ? 200000 : 50000;
        pacing_on_sent(&c, pacing_limit(&c, 50000));
        now = time_now();
        CHECK(pacing_limit(&c, 50000) == 0);
        /* When a segment may be sent. */
        CHECK(is_about((c.clock[TCP_PACE] - now) / MICROSECOND,
                       1000 * 1000 / per_ms));
        CHECK(time_sleep(2 * MILLISECOND) == OK);
        CHECK(is_about(pacing_limit(&c, 50000),
                       per_ms * (time_now() - now) / MILLISECOND));
    }
}

TEST(half_a_millisecond_of_a_fast_path_is_sent_together)
{
    nanoseconds now;

    begin();
    c.cwnd = 4000000; /* 45,000 bytes a millisecond */
    pacing_on_sent(&c, pacing_limit(&c, 1000000));
    now = time_now();
    CHECK(pacing_limit(&c, 1000000) == 0);
    CHECK(is_about((c.clock[TCP_PACE] - now) / MICROSECOND, 500));
    c.cwnd = 400000000; /* 60,000 bytes at most */
    c.pacing.paid_until = now;
    CHECK(pacing_limit(&c, 1000000) == 0);
    CHECK(is_about((c.clock[TCP_PACE] - now) / MICROSECOND, 13));
}

TEST(at_most_a_round_trip_is_paid_in_advance)
{
    begin();
    c.pacing.paid_until = time_now();
    pacing_on_sent(&c, 10000000);
    CHECK(c.pacing.paid_until == time_now() + 100 * MILLISECOND);
}

TEST(short_paths_and_recoveries_are_not_paced)
{
    begin();
    c.rack.min_rtt = 4 * MILLISECOND - 1;
    CHECK(pacing_limit(&c, 1000000) == 1000000);
    pacing_on_sent(&c, 1000000);
    CHECK(c.pacing.paid_until == 0);
    c.rack.min_rtt = 4 * MILLISECOND;
    CHECK(pacing_limit(&c, 1000000) < 1000000);
    c.recovery.phase = TCP_RECOVERY;
    CHECK(pacing_limit(&c, 1000000) == 1000000);
    c.recovery.phase = TCP_OPEN;
    c.rtt.srtt = 0; /* not measured yet */
    CHECK(pacing_limit(&c, 1000000) == 1000000);
}
