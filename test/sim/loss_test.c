/* SPDX-License-Identifier: ISC */
/*
 * Loss detection and recovery, one rule and one script per test. The peer's MSS
 * is 1,000 bytes; the initial window has ten segments.
 */
#include "check.h"
#include "pair.h"
#include "script.h"
#include <string.h>

static const struct tcp_counters *counters(void)
{
    return &right.tcp->counters;
}

static struct tcp_counters before;

/* Forgets all connections, for a new script. */
static void begin(void)
{
    script_restart(5);
    before = *counters();
}

/* Opens a connection with an RTT of 100 ms; options are those of the SYN. */
static void open_with(const char *options)
{
    begin();
    CHECK(script_handshake(options, 100,
                           strstr(options, "ts=") ? "ts=100:100" : ""));
}

static bool is_quiet(void)
{
    return counters()->retransmitted == before.retransmitted;
}

static bool no_timeout(void)
{
    return counters()->timeouts == before.timeouts;
}

/* RFC 2018: SACKs that we send. */

TEST(sack_is_used_only_if_the_peer_offers_it)
{
    begin();
    CHECK(script_play("> SYN 100 sackok\n"
                      "< SYN,ACK 0 101 sackok\n"
                      "> ACK 101 1\n"));
    begin();
    CHECK(script_play("> SYN 100\n"
                      "< SYN,ACK 0 101 nosack nows nots\n"));
    open_with("");
    CHECK(script_play("> ACK 201 1 +100\n"
                      "< ACK 1 101 sack=\n"));
}

TEST(the_first_sack_block_is_that_of_the_last_segment)
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

TEST(adjacent_sack_blocks_merge_and_acknowledged_ones_are_removed)
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

TEST(with_timestamps_three_sack_blocks_fit)
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

/* After three ACKs the sender retransmits; later segments beyond the same hole
 * share ACKs. */
TEST(after_three_acks_segments_that_extend_a_block_share_an_ack)
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
                      "> ACK 1201 1 +10\n" /* a new hole: at once */
                      "< ACK 1 101 sack=1201:1211,201:1131\n"
                      "> ACK 1131 1 +10\n"
                      "< ACK 1 101 sack=201:1141,1201:1211\n"
                      "> ACK 101 1 +100\n" /* its end: at once */
                      "< ACK 1 1141 sack=1201:1211\n"
                      "-\n"));
}

TEST(without_sack_each_out_of_order_segment_has_an_ack)
{
    open_with("");
    CHECK(script_play("> ACK 201 1 +10 x40\n"
                      "< ACK 1 101 x40\n"
                      "-\n"));
}

/* RFC 2883, 4 */

TEST(segments_with_data_have_sack_blocks)
{
    open_with("sackok");
    CHECK(script_play("> ACK 201 1 +100\n"
                      "< ACK 1 101 sack=201:301\n"));
    pair_write(500);
    CHECK(script_play("< ACK 1 101 +500 sack=201:301\n"));
    pair_write(3000); /* shorter segments */
    CHECK(script_play("< ACK 501 101 +988 sack=201:301\n"
                      "< ACK 1489 101 +988 sack=201:301\n"
                      "< ACK 2477 101 +988 sack=201:301\n"
                      "> ACK 101 3465 +100\n"
                      "< ACK 3465 301 +36 sack=\n"
                      "> ACK 301 3501\n"));
    pair_write(1000); /* full segments again */
    CHECK(script_play("< ACK 3501 301 +1000 sack=\n"));
    CHECK(is_quiet());
}

TEST(a_duplicate_causes_one_dsack)
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

TEST(an_out_of_order_duplicate_causes_a_dsack_and_its_block)
{
    open_with("sackok");
    CHECK(script_play("> ACK 201 1 +200\n"
                      "< ACK 1 101 sack=201:401\n"
                      "> ACK 301 1 +100\n"
                      "< ACK 1 101 sack=301:401,201:401\n"));
}

/* RFC 3042 */

TEST(limited_transmit_sends_a_segment_for_each_of_two_duplicate_acks)
{
    open_with("");
    pair_write(20000);
    CHECK(script_play("< ACK 1 101 +1000 x10\n"
                      ". 100\n"
                      "> ACK 101 1\n"
                      "< ACK 10001 101 +1000\n"
                      "> ACK 101 1\n"
                      "< ACK 11001 101 +1000\n"));
    CHECK(is_quiet());
}

TEST(without_sack_the_third_duplicate_ack_causes_a_fast_retransmit)
{
    open_with("");
    pair_write(10000);
    CHECK(script_play("< ACK 1 101 +1000 x10\n"
                      ". 100\n"
                      "> ACK 101 1\n"
                      "> ACK 101 1\n"
                      "> ACK 101 1\n"
                      "< ACK 1 101 +1000\n"
                      ". 100\n"
                      "> ACK 101 4001\n" /* the fourth is lost, too */
                      "< ACK 4001 101 +1000\n"
                      ". 100\n"
                      "> ACK 101 10001\n"
                      "-\n"));
    CHECK(no_timeout() && pair_tcp()->recovery.phase == TCP_OPEN);
    CHECK(counters()->retransmitted == before.retransmitted + 2);
}

TEST(sacks_allow_new_segments_before_a_loss_is_detected)
{
    open_with("sackok");
    pair_write(20000);
    CHECK(script_play("< ACK 1 101 +1000 x10\n"
                      ". 100\n"
                      "> ACK 101 1 sack=1001:2001\n"
                      "< ACK 10001 101 +1000\n"
                      "> ACK 101 1 sack=1001:3001\n"
                      "< ACK 11001 101 +1000\n"));
    CHECK(is_quiet());
}

/* RFC 8985 and RFC 6675 */

TEST(each_loss_in_a_window_is_repaired_in_one_rtt_without_a_timeout)
{
    open_with("sackok");
    pair_write(10000);
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
    CHECK(no_timeout() && pair_tcp()->recovery.phase == TCP_OPEN);
    CHECK(counters()->fast_retransmits == before.fast_retransmits + 1);
    CHECK(counters()->retransmitted == before.retransmitted + 3);
}

TEST(a_lost_retransmission_is_detected)
{
    open_with("sackok");
    pair_write(12000);
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
    CHECK(no_timeout() && pair_tcp()->recovery.phase == TCP_OPEN);
}

TEST(a_segment_late_by_less_than_a_quarter_rtt_is_not_marked_lost)
{
    open_with("sackok");
    pair_write(10000);
    CHECK(script_play("< ACK 1 101 +1000 x10\n"
                      ". 100\n"
                      "> ACK 101 1 sack=1001:2001\n"
                      ". 20\n"
                      "> ACK 101 2001\n" /* late, not lost */
                      ". 20\n"
                      "> ACK 101 2001 sack=3001:9001\n"
                      ". 20\n"
                      "> ACK 101 10001\n"
                      "-\n"));
    CHECK(is_quiet() && pair_tcp()->rack.reordering_seen);
}

TEST(a_segment_late_by_more_is_retransmitted_by_the_reordering_timer)
{
    open_with("sackok");
    pair_write(10000);
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

TEST(the_reordering_window_is_a_quarter_of_the_least_rtt)
{
    open_with("sackok");
    pair_write(10000);
    CHECK(script_play("< ACK 1 101 +1000 x10\n"
                      ". 100\n"
                      "> ACK 101 8001 sack=9001:10001\n"
                      "< ACK 8001 101 +1000 after=25\n"
                      ". 100\n"
                      "> ACK 101 10001\n"
                      "-\n"));
    CHECK(no_timeout());
}

TEST(the_reordering_window_is_at_most_the_smoothed_rtt)
{
    open_with("sackok");
    pair_write(10000);
    pair_tcp()->rack.reo_wnd_mult = 200;
    CHECK(script_play("< ACK 1 101 +1000 x10\n"
                      ". 100\n"
                      "> ACK 101 8001 sack=9001:10001\n"
                      "< ACK 8001 101 +1000 after=100\n"));
    CHECK(no_timeout());
}

TEST(three_sacked_segments_end_the_reordering_window)
{
    open_with("sackok");
    pair_write(10000);
    CHECK(script_play("< ACK 1 101 +1000 x10\n"
                      ". 100\n"
                      "> ACK 101 6001 sack=7001:9001\n"
                      "> ACK 101 6001 sack=7001:10001\n"
                      "< ACK 6001 101 +1000 after=0\n"));
}

/* Sends 1,000 bytes, which the peer acknowledges after this time. */
static bool goes_round(unsigned milliseconds)
{
    char text[100];
    uint32_t at = pair_tcp()->snd.nxt - pair_tcp()->iss;

    pair_write(1000);
    text_format(text, sizeof text,
                "< ACK %u 101 +1000\n"
                ". %u\n"
                "> ACK 101 %u\n"
                ". 1\n",
                at, milliseconds, at + 1000);
    return script_play(text);
}

TEST(the_least_rtt_is_forgotten_after_thirty_seconds)
{
    open_with("sackok");
    CHECK(goes_round(10));
    CHECK(pair_tcp()->rack.min_rtt < 15 * MILLISECOND);
    CHECK(script_play(". 15000\n") && goes_round(100));
    CHECK(pair_tcp()->rack.min_rtt < 15 * MILLISECOND);
    CHECK(script_play(". 20000\n") && goes_round(100));
    CHECK(pair_tcp()->rack.min_rtt >= 100 * MILLISECOND);
}

TEST(a_dsack_in_each_round_widens_the_reordering_window_once)
{
    open_with("sackok");
    CHECK(goes_round(100));
    for (unsigned i = 0; i < 3; i++) {
        uint32_t at = pair_tcp()->snd.nxt - pair_tcp()->iss;
        char text[200];

        pair_write(1000);
        text_format(text, sizeof text,
                    "< ACK %u 101 +1000\n"
                    "> ACK 101 %u sack=%u:%u\n"
                    "> ACK 101 %u sack=%u:%u\n"
                    ". 100\n"
                    "> ACK 101 %u\n"
                    ". 1\n",
                    at, at, at - 1000, at - 500, at, at - 500, at, at + 1000);
        CHECK(script_play(text));
        CHECK(pair_tcp()->rack.reo_wnd_mult == i + 2);
    }
}

TEST(a_dsack_widens_the_reordering_window_for_16_recoveries)
{
    char text[300];

    open_with("sackok");
    for (unsigned i = 0; i < 17; i++) {
        unsigned at = 1 + i * 2000;

        pair_write(2000);
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
        CHECK(pair_tcp()->rack.reo_wnd_mult == (i < 16 ? 2 : 1));
    }
    CHECK(no_timeout());
}

/* TLP: RFC 8985, 7 */

TEST(a_lost_tail_is_repaired_by_tlp_without_a_timeout)
{
    open_with("sackok");
    pair_write(4000);
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

TEST(a_tlp_sends_new_data_if_there_are_any)
{
    open_with("sackok");
    pair_write(14000);
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

TEST(a_tlp_that_repairs_a_loss_reduces_cwnd)
{
    uint32_t cwnd;

    open_with("sackok");
    pair_write(4000);
    CHECK(script_play("< ACK 1 101 +1000 x4\n"
                      ". 210\n"
                      "< ACK 3001 101 +1000\n"
                      ". 10\n"
                      "> ACK 101 3001\n"
                      ". 90\n"
                      "> ACK 101 4001\n"
                      ". 1\n"));
    cwnd = pair_tcp()->cwnd;
    pair_write(1000);
    CHECK(script_play("< ACK 4001 101 +1000\n"
                      ". 100\n"
                      "> ACK 101 5001\n"
                      ". 1\n"));
    CHECK(pair_tcp()->ssthresh < cwnd);
}

/* The peer acknowledges the probe with a D-SACK, or a duplicate ACK (RFC 8985,
 * 7.4.2). */
static void probe_in_vain(const char *answer)
{
    char text[200];

    open_with("sackok");
    pair_write(4000);
    CHECK(script_play("< ACK 1 101 +1000 x4\n"
                      ". 210\n"
                      "< ACK 3001 101 +1000\n"
                      ". 10\n"
                      "> ACK 101 4001\n"
                      ". 90\n"));
    text_format(text, sizeof text, "> ACK 101 4001%s\n. 1\n", answer);
    CHECK(script_play(text));
    CHECK(!pair_tcp()->tlp.is_outstanding);
    pair_write(1000);
    CHECK(script_play("< ACK 4001 101 +1000\n"
                      ". 100\n"
                      "> ACK 101 5001\n"
                      ". 1\n"));
    CHECK(pair_tcp()->ssthresh == UINT32_MAX &&
          pair_tcp()->recovery.phase == TCP_OPEN);
}

TEST(a_spurious_tlp_does_not_reduce_cwnd)
{
    probe_in_vain(" sack=3001:4001");
    probe_in_vain("");
}

TEST(a_spurious_tlp_is_no_sign_of_a_black_hole)
{
    begin();
    CHECK(script_play("> SYN 100 mss=1460 sackok\n"
                      "< SYN,ACK 0 101\n"
                      ". 100\n"
                      "> ACK 101 1\n"
                      ". 1\n"));
    pair_write(5840);
    CHECK(script_play("< ACK 1 101 +1460 x4\n"
                      ". 210\n"
                      "< ACK 4381 101 +1460\n"
                      ". 10\n"
                      "> ACK 101 5841\n"
                      ". 90\n"
                      "> ACK 101 5841 sack=4381:5841\n"
                      ". 1\n"));
    before = *counters();
    pair_write(1460);
    for (int i = 0; i < 300 && no_timeout(); i++)
        CHECK(time_sleep(10 * MILLISECOND) == OK);
    CHECK(counters()->timeouts == before.timeouts + 1);
    CHECK(pair_tcp()->mss == 1460 &&
          counters()->black_holes == before.black_holes);
}

/* RFC 6937 */

TEST(in_recovery_prr_sends_in_proportion_to_delivery)
{
    uint64_t out;
    char text[80];

    open_with("sackok");
    pair_write(60000);
    CHECK(script_play("< ACK 1 101 +1000 x10\n"
                      ". 100\n"
                      "> ACK 101 10001\n"
                      "< ACK 10001 101 +1000 x20\n"
                      ". 100\n"));
    /* Twenty segments in flight; the first is lost. */
    CHECK(pair_tcp()->cwnd == 20000);
    for (unsigned i = 0; i < 3; i++)
        CHECK(script_play(i == 0   ? "> ACK 101 10001 sack=11001:12001\n"
                                     "< ACK 30001 101 +1000\n"
                          : i == 1 ? "> ACK 101 10001 sack=11001:13001\n"
                                     "< ACK 31001 101 +1000\n"
                                   : "> ACK 101 10001 sack=11001:14001\n"
                                     "< ACK 10001 101 +1000\n"));
    /* In proportion: 14 segments are sent for the 18 that are delivered. */
    out = counters()->segments_out;
    for (unsigned i = 0; i < 18; i++) {
        text_format(text, sizeof text,
                    "> ACK 101 10001 sack=11001:%u\n"
                    ". 1\n",
                    15001 + i * 1000);
        CHECK(script_play(text));
    }
    CHECK(pair_tcp()->ssthresh == 14000 && pair_tcp()->sent.in_flight == 14000);
    CHECK(counters()->segments_out == out + 14);
    CHECK(no_timeout());
}

/* RFC 5681, 4; RFC 9438, 4.6 and 4.8 */
TEST(a_timeout_during_recovery_does_not_reduce_ssthresh_again)
{
    uint32_t ssthresh;

    open_with("sackok ts=1:0");
    pair_write(60000);
    CHECK(script_play("< ACK 1 101 +988 x10\n"
                      ". 100\n"
                      "> ACK 101 9881 ts=150:200\n"
                      "< ACK 9881 101 +988 x20\n"
                      ". 100\n"
                      /* The last three are delivered, and no retransmission. */
                      "> ACK 101 9881 ts=250:300 sack=26677:27665\n"
                      ". 1\n"
                      "> ACK 101 9881 ts=250:300 sack=26677:28653\n"
                      ". 1\n"
                      "> ACK 101 9881 ts=250:300 sack=26677:29641\n"
                      ". 1\n"));
    CHECK(pair_tcp()->recovery.phase == TCP_RECOVERY &&
          pair_tcp()->undo.prior_cwnd == 19760);
    ssthresh = pair_tcp()->ssthresh;
    for (int i = 0; i < 300 && no_timeout(); i++)
        CHECK(time_sleep(10 * MILLISECOND) == OK);
    CHECK(pair_tcp()->recovery.phase == TCP_LOSS);
    CHECK(ssthresh == 13832 && pair_tcp()->ssthresh == ssthresh);
    CHECK(pair_tcp()->undo.prior_cwnd == 19760 && pair_tcp()->cubic.w_max == 0);
}

/* RFC 3522, RFC 5682 */

TEST(after_a_lost_syn_the_rto_is_three_seconds)
{
    begin();
    CHECK(script_play("> SYN 100 mss=1000\n"
                      "< SYN,ACK 0 101\n"
                      ". 990\n"
                      "< SYN,ACK 0 101\n"
                      "> ACK 101 1\n"
                      ". 1\n"));
    before = *counters();
    pair_write(100);
    CHECK(script_play("< ACK 1 101 +100\n"
                      ". 2900\n"));
    CHECK(no_timeout() && is_quiet());
    CHECK(script_play(". 200\n"
                      "< ACK 1 101 +100\n"));
    CHECK(counters()->timeouts == before.timeouts + 1);
}

TEST(a_spurious_timeout_is_undone_by_an_older_echo)
{
    open_with("sackok ts=1:0");
    pair_write(9880);
    CHECK(script_play("< ACK 1 101 +988 x10\n"
                      ". 190\n"
                      "< ACK 8893 101 +988\n" /* the tail loss probe */
                      ". 320\n"
                      "< ACK 1 101 +988\n" /* the timeout */
                      ". 10\n"));
    CHECK(pair_tcp()->recovery.phase == TCP_LOSS && pair_tcp()->cwnd < 2000);
    CHECK(script_play("> ACK 101 989 ts=200:100\n"
                      ". 1\n"));
    CHECK(pair_tcp()->recovery.phase == TCP_OPEN && pair_tcp()->cwnd >= 9880);
    CHECK(pair_tcp()->ssthresh == UINT32_MAX && pair_tcp()->sent.lost == 0);
    CHECK(counters()->undone == before.undone + 1);
    CHECK(pair_tcp()->rtt.rto > 400 * MILLISECOND); /* RTO has adapted */
    CHECK(script_play("> ACK 101 9881 ts=201:100\n"
                      "-\n"));
    CHECK(counters()->retransmitted == before.retransmitted + 2);
}

TEST(a_timeout_marks_segments_older_than_the_rto_despite_a_long_rack_rtt)
{
    struct connection *c;

    open_with("sackok");
    for (int i = 0; i < 5; i++) {
        pair_write(1000);
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

TEST(an_echo_from_weeks_ago_undoes_a_timeout_and_gives_no_rtt_sample)
{
    nanoseconds trip;

    open_with("sackok ts=1:0");
    trip = pair_tcp()->rtt.srtt;
    pair_write(60000);
    CHECK(script_play("< ACK 1 101 +988 x10\n"
                      ". 600\n"
                      "> ACK 101 989 ts=200:2294967396\n"
                      ". 1\n"));
    CHECK(counters()->undone == before.undone + 1);
    CHECK(pair_tcp()->rtt.srtt == trip);
    CHECK(script_play("> ACK 101 9881 ts=300:100\n"
                      ". 1000\n"));
    CHECK(pair_tcp()->snd.nxt - pair_tcp()->snd.una >= 19760);
}

TEST(a_timeout_with_a_new_echo_is_not_undone)
{
    open_with("sackok ts=1:0");
    pair_write(9880);
    CHECK(script_play("< ACK 1 101 +988 x10\n"
                      ". 190\n"
                      "< ACK 8893 101 +988\n"
                      ". 320\n"
                      "< ACK 1 101 +988\n"
                      ". 10\n"
                      "> ACK 101 989 ts=200:610\n"
                      ". 1\n"));
    CHECK(pair_tcp()->recovery.phase == TCP_LOSS &&
          counters()->undone == before.undone);
}

TEST(without_timestamps_delivery_of_an_original_undoes_a_timeout)
{
    open_with("sackok");
    pair_write(10000);
    CHECK(script_play("< ACK 1 101 +1000 x10\n"
                      ". 210\n"
                      "< ACK 9001 101 +1000\n"
                      ". 320\n"
                      "< ACK 1 101 +1000\n"
                      ". 10\n"
                      "> ACK 101 2001\n"
                      ". 1\n"));
    CHECK(pair_tcp()->recovery.phase == TCP_OPEN && pair_tcp()->cwnd >= 10000);
    CHECK(counters()->undone == before.undone + 1);
}

TEST(dsacks_for_all_retransmissions_undo_a_recovery)
{
    open_with("sackok");
    pair_write(10000);
    CHECK(script_play("< ACK 1 101 +1000 x10\n"
                      ". 100\n"
                      "> ACK 101 1 sack=1001:6001\n"
                      "< ACK 1 101 +1000\n"
                      ". 50\n"
                      "> ACK 101 10001\n" /* only late */
                      ". 50\n"));
    CHECK(pair_tcp()->cwnd < 10000);
    CHECK(script_play("> ACK 101 10001 sack=1:1001\n"
                      ". 1\n"));
    CHECK(pair_tcp()->cwnd >= 10000 && pair_tcp()->ssthresh == UINT32_MAX);
    CHECK(counters()->undone == before.undone + 1);
}

/* Hostile and reneging peers */

TEST(after_a_zero_window_a_retransmission_fits_into_the_window)
{
    open_with("");
    pair_write(3000);
    CHECK(script_play("< ACK 1 101 +1000 x3\n"
                      "> ACK 101 1 win=0\n"
                      "> ACK 101 1 win=500\n"
                      "< ACK 1 101 +500\n"
                      "> ACK 101 3001\n"));
}

TEST(sack_blocks_outside_the_flight_are_ignored)
{
    open_with("sackok");
    pair_write(10000);
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
    CHECK(pair_tcp()->sent.sacked == 0 && pair_tcp()->sent.in_flight == 5000);
    CHECK(script_play("> ACK 101 10001\n"
                      ". 1\n"));
    CHECK(pair_tcp()->sent.first == NULL &&
          pair_tcp()->recovery.phase == TCP_OPEN);
}

TEST(overlapping_sack_blocks_are_counted_once)
{
    open_with("sackok");
    pair_write(10000);
    CHECK(script_play("< ACK 1 101 +1000 x10\n"
                      ". 100\n"
                      "> ACK 101 1 sack=1001:2001,1001:3001,2001:3001\n"
                      ". 1\n"));
    CHECK(pair_tcp()->sent.sacked == 2000 &&
          pair_tcp()->sent.in_flight == 8000);
    CHECK(pair_tcp()->sent.count == 3);
}

/* RFC 5681, 3.1; RFC 9438, 4.6 */
TEST(ssthresh_is_two_segments_at_least)
{
    static const struct tcp_congestion *const all[] = {&tcp_newreno,
                                                       &tcp_cubic};

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct connection c = {.mss = 1000, .cwnd = 3000};

        all[i]->lost(&c, 2500);
        CHECK(c.ssthresh == 2000);
        all[i]->lost(&c, 0);
        CHECK(c.ssthresh == 2000);
        all[i]->lost(&c, 20000);
        CHECK(c.ssthresh == (i == 0 ? 10000 : 14000));
    }
}

TEST(each_timeout_counts_its_own_retransmissions)
{
    open_with("");
    for (unsigned i = 0; i < 2; i++) {
        pair_write(1000);
        CHECK(script_play(i == 0 ? "< ACK 1 101 +1000\n"
                                   "< ACK 1 101 +1000\n"
                                 : "< ACK 1001 101 +1000\n"
                                   "< ACK 1001 101 +1000\n"));
        CHECK(pair_tcp()->recovery.phase == TCP_LOSS &&
              pair_tcp()->undo.from == pair_tcp()->snd.una &&
              pair_tcp()->undo.retransmitted == 1000);
        CHECK(script_play(i == 0 ? "> ACK 101 1001\n. 1\n"
                                 : "> ACK 101 2001\n. 1\n"));
        CHECK(pair_tcp()->recovery.phase == TCP_OPEN);
    }
}

TEST(a_block_that_ends_before_it_begins_is_no_dsack)
{
    open_with("sackok");
    pair_write(2000);
    CHECK(script_play("< ACK 1 101 +1000 x2\n"
                      "> ACK 101 2001 sack=1001:501\n"
                      ". 1\n"));
    CHECK(counters()->repeats_in == before.repeats_in);
    CHECK(script_play("> ACK 101 2001 sack=501:1001\n"
                      ". 1\n"));
    CHECK(counters()->repeats_in == before.repeats_in + 1);
}

/* RFC 6937: or more would be sent than has left the network. */
TEST(sacked_bytes_that_are_acknowledged_are_not_delivered_again)
{
    open_with("sackok");
    pair_write(10000);
    CHECK(script_play("< ACK 1 101 +1000 x10\n"
                      ". 100\n"
                      "> ACK 101 1 sack=1001:5001\n"
                      "< ACK 1 101 +1000\n"));
    CHECK(pair_tcp()->recovery.phase == TCP_RECOVERY &&
          pair_tcp()->prr.delivered == 4000);
    CHECK(script_play("> ACK 101 1 sack=1001:5001\n"
                      ". 1\n"));
    CHECK(pair_tcp()->prr.delivered == 4000);
    CHECK(script_play("> ACK 101 4001 sack=4001:5001\n"
                      ". 1\n"));
    CHECK(pair_tcp()->recovery.phase == TCP_RECOVERY &&
          pair_tcp()->prr.delivered == 5000);
}

TEST(sack_blocks_of_single_bytes_do_not_split_segments)
{
    char text[200];

    open_with("sackok");
    pair_write(10000);
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
    CHECK(pair_tcp()->sent.count <= 10 && pair_tcp()->sent.sacked == 0);
}

TEST(reneged_data_are_retransmitted_after_a_timeout)
{
    open_with("sackok");
    pair_write(10000);
    CHECK(script_play("< ACK 1 101 +1000 x10\n"
                      ". 100\n"
                      "> ACK 101 1 sack=1001:10001\n"
                      "< ACK 1 101 +1000\n"
                      ". 100\n"
                      "> ACK 101 1001\n" /* not even what it had SACKed */
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
    CHECK(pair_tcp()->sent.first == NULL &&
          pair_tcp()->recovery.phase == TCP_OPEN);
}

static unsigned reported, matched;

static void on_counter(void *ctx, const char *name, uint64_t value)
{
    const struct tcp_counters *n = ctx;

    reported++;
    matched += strcmp(name, "tcp_accepted") == 0 && value == n->accepted;
    matched += strcmp(name, "tcp_segments_in") == 0 && value == n->segments_in;
    matched += strcmp(name, "tcp_segments_out") == 0 &&
               value == n->segments_out;
    matched += strcmp(name, "tcp_challenges") == 0 && value == n->challenges;
}

TEST(counters_are_reported_by_their_names)
{
    struct tcp_counters n = *counters();

    n.accepted = 1001; /* each a value that no other has */
    n.segments_in = 1002;
    n.segments_out = 1003;
    n.challenges = 1004;
    right.tcp->counters = n;
    reported = matched = 0;
    tcpv4_counters(right.tcp, on_counter, &n);
    CHECK(reported == 38 && matched == 4);
}

TEST(invariants_held_whenever_a_frame_was_sent)
{
    CHECK(pair_failures == 0 && pair_checks > 100);
}
