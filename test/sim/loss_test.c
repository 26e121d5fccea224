/* SPDX-License-Identifier: ISC */
/*
 * What TCP does when segments are lost, late or there twice: a rule and a play
 * each. The peer takes segments of 1,000 bytes; the first window has ten.
 */
#include "check.h"
#include "pair.h"
#include "script.h"
#include <string.h>

static uint8_t data[100000];

static const struct connection *ours(void)
{
    return (const void *)pair_flow;
}

static const struct tcp_counters *counters(void)
{
    return &right.tcp->counters;
}

static struct tcp_counters before;

/* A new play: all connections are forgotten. */
static void begin(void)
{
    static bool is_made;

    if (!is_made) {
        sim_seed(5);
        pair_make(1500, 0);
        pair_watch();
        pair_listen(80);
        is_made = true;
    }
    pair_forget();
    CHECK(time_sleep(SECOND) == OK);
    script_begin();
    before = *counters();
}

/* Open, with a round trip of 100 ms; options are those of the SYN. */
static void open_with(const char *options)
{
    char text[200];

    begin();
    text_format(text, sizeof text,
                "> SYN 100 mss=1000 %s\n"
                "< SYN,ACK 0 101\n"
                ". 100\n"
                "> ACK 101 1%s\n"
                ". 1\n",
                options, strstr(options, "ts=") ? " ts=100:100" : "");
    CHECK(script_play(text) && pair_flow != NULL);
}

static void write_bytes(size_t len)
{
    CHECK(flow_write(pair_flow, data, len, FOREVER) == OK);
}

static bool is_quiet(void)
{
    return counters()->retransmitted == before.retransmitted;
}

static bool no_timeout(void)
{
    return counters()->timeouts == before.timeouts;
}

/* RFC 2018, and what we say to a sender. */

TEST(sack_is_for_those_who_offer_it)
{
    begin();
    CHECK(script_play("> SYN 100 sackok\n"
                      "< SYN,ACK 0 101 sackok\n"
                      "> ACK 101 1\n"));
    open_with("");
    CHECK(script_play("> ACK 201 1 +100\n"
                      "< ACK 1 101 sack=\n"));
}

TEST(the_first_range_is_that_of_what_came_last)
{
    open_with("sackok");
    CHECK(script_play("> ACK 201 1 +100\n"
                      "< ACK 1 101 sack=201:301\n"
                      "> ACK 401 1 +100\n"
                      "< ACK 1 101 sack=401:501,201:301\n"
                      "> ACK 301 1 +50\n"
                      "< ACK 1 101 sack=201:351,401:501\n"
                      "> ACK 601 1 +100\n"
                      "< ACK 1 101 sack=601:701,201:351,401:501\n"
                      "> ACK 801 1 +100\n"
                      "< ACK 1 101 sack=801:901,601:701,201:351,401:501\n"
                      "> ACK 1001 1 +100\n"
                      "< ACK 1 101 sack=1001:1101,801:901,601:701,201:351\n"));
}

TEST(ranges_that_meet_are_one_and_those_that_are_next_go)
{
    open_with("sackok");
    CHECK(script_play("> ACK 201 1 +100\n"
                      "< ACK 1 101 sack=201:301\n"
                      "> ACK 401 1 +100\n"
                      "< ACK 1 101 sack=401:501,201:301\n"
                      "> ACK 301 1 +100\n"
                      "< ACK 1 101 sack=201:501\n"
                      "> ACK 601 1 +100\n"
                      "< ACK 1 101 sack=601:701,201:501\n"
                      "> ACK 101 1 +100\n"
                      "< ACK 1 501 sack=601:701\n"
                      "> ACK 501 1 +100\n"
                      "< ACK 1 701 sack=\n"));
}

TEST(beside_timestamps_three_ranges_fit)
{
    open_with("sackok ts=1:0");
    CHECK(script_play("> ACK 201 1 +100 ts=101:100\n"
                      "< ACK 1 101 sack=201:301\n"
                      "> ACK 401 1 +100 ts=101:100\n"
                      "< ACK 1 101 sack=401:501,201:301\n"
                      "> ACK 601 1 +100 ts=101:100\n"
                      "< ACK 1 101 sack=601:701,401:501,201:301\n"
                      "> ACK 801 1 +100 ts=101:100\n"
                      "< ACK 1 101 sack=801:901,601:701,401:501\n"));
}

/* Three ACKs have the sender repair a gap; what comes behind it then brings no
 * news that is worth one of its own. */
TEST(what_lengthens_the_latest_range_is_told_in_one_when_three_were_told)
{
    const char *first = "> ACK 201 1 +100\n"
                        "< ACK 1 101 sack=201:301\n"
                        "> ACK 301 1 +100\n"
                        "< ACK 1 101 sack=201:401\n"
                        "> ACK 401 1 +100\n"
                        "< ACK 1 101 sack=201:501\n";

    open_with("sackok");
    CHECK(script_play(first));
    CHECK(script_play("> ACK 501 1 +100\n"
                      "> ACK 601 1 +100\n"
                      "> ACK 701 1 +100\n"
                      "< ACK 1 101 sack=201:801\n" /* a millisecond later */
                      "-\n"
                      "> ACK 801 1 +10 x32\n"
                      "< ACK 1 101 sack=201:1121\n"
                      "-\n"
                      "> ACK 1121 1 +10\n"
                      "> ACK 1201 1 +10\n" /* a gap is news */
                      "< ACK 1 101 sack=1201:1211,201:1131\n"
                      "> ACK 1131 1 +10\n"
                      "< ACK 1 101 sack=201:1141,1201:1211\n"
                      "> ACK 101 1 +100\n" /* and so is its end */
                      "< ACK 1 1141 sack=1201:1211\n"
                      "-\n"));
}

TEST(without_ranges_all_that_is_too_early_is_told_one_by_one)
{
    open_with("");
    CHECK(script_play("> ACK 201 1 +10 x40\n"
                      "< ACK 1 101 x40\n"
                      "-\n"));
}

/* RFC 2883, 4 */

TEST(with_data_the_ranges_are_told_too)
{
    open_with("sackok");
    CHECK(script_play("> ACK 201 1 +100\n"
                      "< ACK 1 101 sack=201:301\n"));
    write_bytes(500);
    CHECK(script_play("< ACK 1 101 +500 sack=201:301\n"));
    write_bytes(3000); /* segments with room for them */
    CHECK(script_play("< ACK 501 101 +988 sack=201:301\n"
                      "< ACK 1489 101 +988 sack=201:301\n"
                      "< ACK 2477 101 +988 sack=201:301\n"
                      "> ACK 101 3465 +100\n"
                      "< ACK 3465 301 +36 sack=\n"
                      "> ACK 301 3501\n"));
    write_bytes(1000); /* and without */
    CHECK(script_play("< ACK 3501 301 +1000 sack=\n"));
    CHECK(is_quiet());
}

TEST(what_came_twice_is_told_once)
{
    open_with("sackok");
    CHECK(script_play("> ACK 101 1 +100\n"
                      "< ACK 1 201 sack=\n"
                      "> ACK 101 1 +100\n"
                      "< ACK 1 201 sack=101:201\n"
                      "> ACK 201 1 +100\n"
                      "< ACK 1 301 sack=\n"
                      "> ACK 251 1 +100\n" /* half of it is new */
                      "< ACK 1 351 sack=251:301\n"));
}

TEST(what_came_twice_too_early_is_told_with_the_range_that_has_it)
{
    open_with("sackok");
    CHECK(script_play("> ACK 201 1 +200\n"
                      "< ACK 1 101 sack=201:401\n"
                      "> ACK 301 1 +100\n"
                      "< ACK 1 101 sack=301:401,201:401\n"));
}

/* RFC 3042 */

TEST(the_first_two_duplicates_let_a_new_segment_go_each)
{
    open_with("");
    write_bytes(20000);
    CHECK(script_play("< ACK 1 101 +1000 x10\n"
                      ". 100\n"
                      "> ACK 101 1\n"
                      "< ACK 10001 101 +1000\n"
                      "> ACK 101 1\n"
                      "< ACK 11001 101 +1000\n"));
    CHECK(is_quiet());
}

TEST(the_third_duplicate_repairs_without_sack)
{
    open_with("");
    write_bytes(10000);
    CHECK(script_play("< ACK 1 101 +1000 x10\n"
                      ". 100\n"
                      "> ACK 101 1\n"
                      "> ACK 101 1\n"
                      "> ACK 101 1\n"
                      "< ACK 1 101 +1000\n"
                      ". 100\n"
                      "> ACK 101 4001\n" /* the fourth is lost as well */
                      "< ACK 4001 101 +1000\n"
                      ". 100\n"
                      "> ACK 101 10001\n"
                      "-\n"));
    CHECK(no_timeout() && ours()->recovery.phase == TCP_OPEN);
    CHECK(counters()->retransmitted == before.retransmitted + 2);
}

TEST(ranges_let_new_segments_go_before_anything_is_lost)
{
    open_with("sackok");
    write_bytes(20000);
    CHECK(script_play("< ACK 1 101 +1000 x10\n"
                      ". 100\n"
                      "> ACK 101 1 sack=1001:2001\n"
                      "< ACK 10001 101 +1000\n"
                      "> ACK 101 1 sack=1001:3001\n"
                      "< ACK 11001 101 +1000\n"));
    CHECK(is_quiet());
}

/* RFC 8985 and RFC 6675 */

TEST(losses_in_one_window_are_repaired_in_one_round_trip_each_without_a_timeout)
{
    open_with("sackok");
    write_bytes(10000);
    CHECK(script_play("< ACK 1 101 +1000 x10\n"
                      ". 100\n"
                      /* the first, the fourth and the seventh are lost */
                      "> ACK 101 1 sack=1001:3001\n"
                      "> ACK 101 1 sack=4001:6001,1001:3001\n"
                      "< ACK 1 101 +1000\n"
                      "> ACK 101 1 sack=7001:9001,4001:6001,1001:3001\n"
                      "< ACK 3001 101 +1000\n"
                      "> ACK 101 1 sack=7001:10001,4001:6001,1001:3001\n"
                      "< ACK 6001 101 +1000\n"
                      ". 100\n"
                      "> ACK 101 10001\n"
                      "-\n"));
    CHECK(no_timeout() && ours()->recovery.phase == TCP_OPEN);
    CHECK(counters()->fast_retransmits == before.fast_retransmits + 1);
    CHECK(counters()->retransmitted == before.retransmitted + 3);
}

TEST(a_segment_sent_again_that_is_lost_again_is_noticed)
{
    open_with("sackok");
    write_bytes(12000);
    CHECK(script_play("< ACK 1 101 +1000 x10\n"
                      ". 100\n"
                      "> ACK 101 1 sack=1001:4001\n"
                      "< ACK 1 101 +1000\n"
                      "> ACK 101 1 sack=1001:6001\n"
                      "> ACK 101 1 sack=1001:10001\n"
                      "< ACK 10001 101 +1000 x2\n"
                      ". 100\n"
                      "> ACK 101 1 sack=1001:12001\n"
                      ". 30\n"
                      "< ACK 1 101 +1000\n"
                      ". 100\n"
                      "> ACK 101 12001\n"
                      "-\n"));
    CHECK(no_timeout() && ours()->recovery.phase == TCP_OPEN);
}

TEST(what_is_late_by_less_than_a_quarter_of_a_round_trip_is_not_lost)
{
    open_with("sackok");
    write_bytes(10000);
    CHECK(script_play("< ACK 1 101 +1000 x10\n"
                      ". 100\n"
                      "> ACK 101 1 sack=1001:2001\n"
                      ". 20\n"
                      "> ACK 101 2001\n" /* it was late, and no more */
                      ". 20\n"
                      "> ACK 101 2001 sack=3001:9001\n"
                      ". 20\n"
                      "> ACK 101 10001\n"
                      "-\n"));
    CHECK(is_quiet() && ours()->rack.reordering_seen);
}

TEST(what_is_late_by_more_is_sent_again_by_the_clock)
{
    open_with("sackok");
    write_bytes(10000);
    CHECK(script_play("< ACK 1 101 +1000 x10\n"
                      ". 100\n"
                      "> ACK 101 8001 sack=9001:10001\n"
                      ". 20\n"));
    CHECK(is_quiet());
    CHECK(script_play(". 10\n"
                      "< ACK 8001 101 +1000\n"
                      ". 100\n"
                      "> ACK 101 10001\n"
                      "-\n"));
    CHECK(no_timeout());
}

TEST(a_peer_that_gets_things_twice_makes_us_wait_longer_for_16_recoveries)
{
    char text[300];

    open_with("sackok");
    for (unsigned i = 0; i < 17; i++) {
        unsigned at = 1 + i * 2000;

        write_bytes(2000);
        text_format(text, sizeof text,
                    "< ACK %u 101 +1000 x2\n"
                    ". 100\n"
                    "> ACK 101 %u sack=%u:%u\n"
                    "< ACK %u 101 +1000\n"
                    "> ACK 101 %u\n"
                    ". 1\n",
                    at, at, at + 1000, at + 2000, at, at + 2000);
        CHECK(script_play(text));
        if (i == 0) {
            text_format(text, sizeof text,
                        "> ACK 101 %u sack=%u:%u\n"
                        ". 1\n",
                        at + 2000, at, at + 1000);
            CHECK(script_play(text));
        }
        CHECK(ours()->rack.reo_wnd_mult == (i < 16 ? 2 : 1));
    }
    CHECK(no_timeout());
}

/* TLP: RFC 8985, 7 */

TEST(a_lost_tail_is_repaired_by_a_probe_without_a_timeout)
{
    open_with("sackok");
    write_bytes(4000);
    CHECK(script_play("< ACK 1 101 +1000 x4\n"
                      ". 100\n"
                      "> ACK 101 2001\n" /* two are lost */
                      ". 199\n"));
    CHECK(is_quiet());
    CHECK(script_play(". 10\n"
                      "< ACK 3001 101 +1000\n"
                      ". 100\n"
                      "> ACK 101 2001 sack=3001:4001\n"
                      ". 30\n"
                      "< ACK 2001 101 +1000\n"
                      ". 100\n"
                      "> ACK 101 4001\n"
                      "-\n"));
    CHECK(no_timeout());
    CHECK(counters()->tail_probes == before.tail_probes + 1);
}

TEST(a_probe_is_a_new_segment_if_there_is_one)
{
    open_with("sackok");
    write_bytes(14000);
    CHECK(script_play("< ACK 1 101 +1000 x10\n"
                      ". 210\n"
                      "< ACK 10001 101 +1000\n"
                      ". 100\n"
                      "> ACK 101 11001\n"
                      "< ACK 11001 101 +1000 x3\n"
                      "> ACK 101 14001\n"
                      "-\n"));
    CHECK(is_quiet() && no_timeout());
}

TEST(a_probe_that_repairs_a_loss_reduces_the_window)
{
    uint32_t cwnd;

    open_with("sackok");
    write_bytes(4000);
    CHECK(script_play("< ACK 1 101 +1000 x4\n"
                      ". 210\n"
                      "< ACK 3001 101 +1000\n"
                      ". 10\n"
                      "> ACK 101 3001\n"
                      ". 90\n"
                      "> ACK 101 4001\n"
                      ". 1\n"));
    cwnd = ours()->cwnd;
    write_bytes(1000);
    CHECK(script_play("< ACK 4001 101 +1000\n"
                      ". 100\n"
                      "> ACK 101 5001\n"
                      ". 1\n"));
    CHECK(ours()->ssthresh < cwnd);
}

/* The peer's ACK of it tells with D-SACK, or by saying the same once more (RFC
 * 8985, 7.4.2). */
static void probe_in_vain(const char *answer)
{
    char text[200];

    open_with("sackok");
    write_bytes(4000);
    CHECK(script_play("< ACK 1 101 +1000 x4\n"
                      ". 210\n"
                      "< ACK 3001 101 +1000\n"
                      ". 10\n"
                      "> ACK 101 4001\n"
                      ". 90\n"));
    text_format(text, sizeof text, "> ACK 101 4001%s\n. 1\n", answer);
    CHECK(script_play(text));
    CHECK(!ours()->tlp.is_outstanding);
    write_bytes(1000);
    CHECK(script_play("< ACK 4001 101 +1000\n"
                      ". 100\n"
                      "> ACK 101 5001\n"
                      ". 1\n"));
    CHECK(ours()->ssthresh == UINT32_MAX && ours()->recovery.phase == TCP_OPEN);
}

TEST(a_probe_that_was_not_needed_does_not)
{
    probe_in_vain(" sack=3001:4001");
    probe_in_vain("");
}

TEST(nor_does_it_make_the_next_timeout_one_of_a_path_that_is_too_narrow)
{
    begin();
    CHECK(script_play("> SYN 100 mss=1460 sackok\n"
                      "< SYN,ACK 0 101\n"
                      ". 100\n"
                      "> ACK 101 1\n"
                      ". 1\n"));
    write_bytes(5840);
    CHECK(script_play("< ACK 1 101 +1460 x4\n"
                      ". 210\n"
                      "< ACK 4381 101 +1460\n"
                      ". 10\n"
                      "> ACK 101 5841\n"
                      ". 90\n"
                      "> ACK 101 5841 sack=4381:5841\n"
                      ". 1\n"));
    before = *counters();
    write_bytes(1460);
    for (int i = 0; i < 300 && no_timeout(); i++)
        CHECK(time_sleep(10 * MILLISECOND) == OK);
    CHECK(counters()->timeouts == before.timeouts + 1);
    CHECK(ours()->mss == 1460 &&
          counters()->black_holes == before.black_holes);
}

/* RFC 6937 */

TEST(while_a_loss_is_repaired_what_is_sent_follows_what_arrives)
{
    uint64_t out;
    char     text[80];

    open_with("sackok");
    write_bytes(60000);
    CHECK(script_play("< ACK 1 101 +1000 x10\n"
                      ". 100\n"
                      "> ACK 101 10001\n"
                      "< ACK 10001 101 +1000 x20\n"
                      ". 100\n"));
    /* Twenty under way; the first of them is lost. */
    CHECK(ours()->cwnd == 20000);
    for (unsigned i = 0; i < 3; i++)
        CHECK(script_play(i == 0   ? "> ACK 101 10001 sack=11001:12001\n"
                                     "< ACK 30001 101 +1000\n"
                          : i == 1 ? "> ACK 101 10001 sack=11001:13001\n"
                                     "< ACK 31001 101 +1000\n"
                                   : "> ACK 101 10001 sack=11001:14001\n"
                                     "< ACK 10001 101 +1000\n"));
    /* Down to ssthresh in even steps: 14 go for the 18 that arrive. */
    out = counters()->out;
    for (unsigned i = 0; i < 18; i++) {
        text_format(text, sizeof text,
                    "> ACK 101 10001 sack=11001:%u\n"
                    ". 1\n",
                    15001 + i * 1000);
        CHECK(script_play(text));
    }
    CHECK(ours()->ssthresh == 14000 && ours()->sent.in_flight == 14000);
    CHECK(counters()->out == out + 14);
    CHECK(no_timeout());
}

/* RFC 5681, 4; RFC 9438, 4.6 and 4.8 */
TEST(a_timeout_in_a_repair_is_for_the_same_loss)
{
    uint32_t ssthresh;

    open_with("sackok ts=1:0");
    write_bytes(60000);
    CHECK(script_play("< ACK 1 101 +988 x10\n"
                      ". 100\n"
                      "> ACK 101 9881 ts=150:200\n"
                      "< ACK 9881 101 +988 x20\n"
                      ". 100\n"
                      /* The last three arrive, and nothing that is resent. */
                      "> ACK 101 9881 ts=250:300 sack=26677:27665\n"
                      ". 1\n"
                      "> ACK 101 9881 ts=250:300 sack=26677:28653\n"
                      ". 1\n"
                      "> ACK 101 9881 ts=250:300 sack=26677:29641\n"
                      ". 1\n"));
    CHECK(ours()->recovery.phase == TCP_RECOVERY && ours()->undo.prior_cwnd == 19760);
    ssthresh = ours()->ssthresh;
    for (int i = 0; i < 300 && no_timeout(); i++)
        CHECK(time_sleep(10 * MILLISECOND) == OK);
    CHECK(ours()->recovery.phase == TCP_LOSS);
    CHECK(ssthresh == 13832 && ours()->ssthresh == ssthresh);
    CHECK(ours()->undo.prior_cwnd == 19760 && ours()->cubic.w_max == 0);
}

/* RFC 3522, RFC 5682 */

TEST(after_a_lost_syn_the_first_timeout_is_one_of_three_seconds)
{
    begin();
    CHECK(script_play("> SYN 100 mss=1000\n"
                      "< SYN,ACK 0 101\n"
                      ". 990\n"
                      "< SYN,ACK 0 101\n"
                      "> ACK 101 1\n"
                      ". 1\n"));
    before = *counters();
    write_bytes(100);
    CHECK(script_play("< ACK 1 101 +100\n"
                      ". 2900\n"));
    CHECK(no_timeout() && is_quiet());
    CHECK(script_play(". 200\n"
                      "< ACK 1 101 +100\n"));
    CHECK(counters()->timeouts == before.timeouts + 1);
}

TEST(a_timeout_that_was_none_is_undone_by_an_older_echo)
{
    open_with("sackok ts=1:0");
    write_bytes(9880);
    CHECK(script_play("< ACK 1 101 +988 x10\n"
                      ". 190\n"
                      "< ACK 8893 101 +988\n" /* the probe of the tail */
                      ". 320\n"
                      "< ACK 1 101 +988\n" /* and the time-out */
                      ". 10\n"));
    CHECK(ours()->recovery.phase == TCP_LOSS && ours()->cwnd < 2000);
    CHECK(script_play("> ACK 101 989 ts=200:100\n"
                      ". 1\n"));
    CHECK(ours()->recovery.phase == TCP_OPEN && ours()->cwnd >= 9880);
    CHECK(ours()->ssthresh == UINT32_MAX && ours()->sent.lost == 0);
    CHECK(counters()->undone == before.undone + 1);
    CHECK(ours()->rtt.rto > 400 * MILLISECOND); /* it has learned */
    CHECK(script_play("> ACK 101 9881 ts=201:100\n"
                      "-\n"));
    CHECK(counters()->retransmitted == before.retransmitted + 2);
}

TEST(what_is_as_old_as_the_timeout_is_lost_however_long_a_trip_took_once)
{
    struct connection *c;

    open_with("sackok");
    for (int i = 0; i < 5; i++) {
        write_bytes(1000);
        CHECK(time_sleep(MILLISECOND) == OK);
    }
    CHECK(script_play("< ACK 1 101 +1000 x5\n"
                      ". 210\n"
                      "< ACK 4001 101 +1000\n"));
    c = (void *)pair_flow;
    c->rack.rtt = c->rack.min_rtt = 100 * SECOND;
    CHECK(script_play(". 320\n"
                      "< ACK 1 101 +1000\n"
                      ". 10\n"
                      "> ACK 101 1001\n"
                      "< ACK 1001 101 +1000\n"
                      "< ACK 2001 101 +1000\n"));
}

TEST(an_echo_of_weeks_ago_undoes_it_and_measures_nothing)
{
    nanoseconds trip;

    open_with("sackok ts=1:0");
    trip = ours()->rtt.srtt;
    write_bytes(60000);
    CHECK(script_play("< ACK 1 101 +988 x10\n"
                      ". 600\n"
                      "> ACK 101 989 ts=200:2294967396\n"
                      ". 1\n"));
    CHECK(counters()->undone == before.undone + 1);
    CHECK(ours()->rtt.srtt == trip);
    CHECK(script_play("> ACK 101 9881 ts=300:100\n"
                      ". 1000\n"));
    CHECK(ours()->snd.nxt - ours()->snd.una >= 19760);
}

TEST(a_timeout_with_a_new_echo_stays)
{
    open_with("sackok ts=1:0");
    write_bytes(9880);
    CHECK(script_play("< ACK 1 101 +988 x10\n"
                      ". 190\n"
                      "< ACK 8893 101 +988\n"
                      ". 320\n"
                      "< ACK 1 101 +988\n"
                      ". 10\n"
                      "> ACK 101 989 ts=200:610\n"
                      ". 1\n"));
    CHECK(ours()->recovery.phase == TCP_LOSS &&
          counters()->undone == before.undone);
}

TEST(without_timestamps_what_arrives_and_was_sent_but_once_undoes_a_timeout)
{
    open_with("sackok");
    write_bytes(10000);
    CHECK(script_play("< ACK 1 101 +1000 x10\n"
                      ". 210\n"
                      "< ACK 9001 101 +1000\n"
                      ". 320\n"
                      "< ACK 1 101 +1000\n"
                      ". 10\n"
                      "> ACK 101 2001\n"
                      ". 1\n"));
    CHECK(ours()->recovery.phase == TCP_OPEN && ours()->cwnd >= 10000);
    CHECK(counters()->undone == before.undone + 1);
}

TEST(what_the_peer_has_got_twice_undoes_a_repair)
{
    open_with("sackok");
    write_bytes(10000);
    CHECK(script_play("< ACK 1 101 +1000 x10\n"
                      ". 100\n"
                      "> ACK 101 1 sack=1001:6001\n"
                      "< ACK 1 101 +1000\n"
                      ". 50\n"
                      "> ACK 101 10001\n" /* it was only late */
                      ". 50\n"));
    CHECK(ours()->cwnd < 10000);
    CHECK(script_play("> ACK 101 10001 sack=1:1001\n"
                      ". 1\n"));
    CHECK(ours()->cwnd >= 10000 && ours()->ssthresh == UINT32_MAX);
    CHECK(counters()->undone == before.undone + 1);
}

/* A peer that lies, or changes its mind */

TEST(ranges_of_what_was_never_sent_or_is_acknowledged_are_passed_over)
{
    open_with("sackok");
    write_bytes(10000);
    CHECK(script_play("< ACK 1 101 +1000 x10\n"
                      ". 100\n"
                      "> ACK 101 5001\n"
                      ". 1\n"
                      "> ACK 101 5001 sack=1001:3001\n"
                      "> ACK 101 5001 sack=10001:20001\n"
                      "> ACK 101 5001 sack=9001:10002\n"
                      "> ACK 101 5001 sack=8001:7001\n"
                      "> ACK 101 5001 sack=4000000000:10001\n"
                      "> ACK 101 5001 sack=6001:6001,5001:4001\n"
                      ". 1\n"));
    CHECK(ours()->sent.sacked == 0 && ours()->sent.in_flight == 5000);
    CHECK(script_play("> ACK 101 10001\n"
                      ". 1\n"));
    CHECK(ours()->sent.first == NULL && ours()->recovery.phase == TCP_OPEN);
}

TEST(ranges_that_overlap_count_once)
{
    open_with("sackok");
    write_bytes(10000);
    CHECK(script_play("< ACK 1 101 +1000 x10\n"
                      ". 100\n"
                      "> ACK 101 1 sack=1001:2001,1001:3001,2001:3001\n"
                      ". 1\n"));
    CHECK(ours()->sent.sacked == 2000 && ours()->sent.in_flight == 8000);
    CHECK(ours()->sent.count == 3);
}

TEST(ranges_of_single_bytes_do_not_take_apart_what_is_under_way)
{
    char text[200];

    open_with("sackok");
    write_bytes(10000);
    CHECK(script_play("< ACK 1 101 +1000 x10\n"
                      ". 100\n"));
    for (unsigned i = 0; i < 500; i++) {
        unsigned at = i * 8 + 1003;

        text_format(text, sizeof text,
                    "> ACK 101 1 sack=%u:%u,%u:%u,%u:%u,%u:%u\n", at, at + 1,
                    at + 2, at + 3, at + 4, at + 5, at + 6, at + 7);
        CHECK(script_play(text));
    }
    CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(ours()->sent.count <= 10 && ours()->sent.sacked == 0);
}

TEST(what_the_peer_threw_away_again_is_sent_after_a_timeout)
{
    open_with("sackok");
    write_bytes(10000);
    CHECK(script_play("< ACK 1 101 +1000 x10\n"
                      ". 100\n"
                      "> ACK 101 1 sack=1001:10001\n"
                      "< ACK 1 101 +1000\n"
                      ". 100\n"
                      "> ACK 101 1001\n" /* not even what it had told of */
                      ". 400\n"
                      "< ACK 1001 101 +1000\n"
                      ". 10\n"
                      "> ACK 101 2001\n"
                      "< ACK 2001 101 +1000 x2\n"
                      "> ACK 101 4001\n"
                      "< ACK 4001 101 +1000 x4\n"
                      "> ACK 101 8001\n"
                      "< ACK 8001 101 +1000 x2\n"
                      "> ACK 101 10001\n"
                      "-\n"));
    CHECK(counters()->reneged == before.reneged + 1);
    CHECK(ours()->sent.first == NULL && ours()->recovery.phase == TCP_OPEN);
}

TEST(at_every_moment_all_was_as_it_must_be)
{
    CHECK(pair_wrong == 0 && pair_looked > 100);
}
