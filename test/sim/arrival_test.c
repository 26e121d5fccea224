/* SPDX-License-Identifier: ISC */
/*
 * Segment arrival (RFC 9293, 3.10.7): options negotiated in the SYNs, FINs
 * beyond a hole, timestamps and SACK generation. The peer's MSS is 1,000 bytes.
 */
#include "check.h"
#include "peer.h"
#include "script.h"
#include <mirage/text.h>

static uint8_t data[20000];

static void begin(void)
{
    script_restart(32);
}

/* Opens a connection. options are those of the SYN, ack those of the ACK of the
 * handshake. */
static void open_with(const char *options, const char *ack)
{
    begin();
    CHECK(script_handshake(options, 0, ack));
}

static size_t unread(void)
{
    return pair_tcp() ? pair_tcp()->rcvq.len : 0;
}

/* SYN cookies: the limit of half-open connections is reached. */

static void fill_half_open(void)
{
    begin();
    for (uint16_t i = 0; i < TCP_HALF_OPEN; i++) {
        struct tcp_segment s = {.from = (uint16_t)(10000 + i),
                                .to = 80,
                                .seq = i,
                                .flags = TCP_SYN,
                                .window = 65535};

        peer_send(&s, NULL, 0);
        CHECK(time_sleep(1) == OK);
    }
    CHECK(right.tcp->half_open == TCP_HALF_OPEN);
}

TEST(a_cookie_for_a_peer_without_timestamps_offers_neither_scale_nor_sack)
{
    uint64_t out = right.tcp ? right.tcp->counters.cookies_out : 0;

    fill_half_open();
    CHECK(script_play("> SYN 100 mss=1000 sackok ws=7\n"
                      "< SYN,ACK 0 101 nosack nows nots win=65535\n"
                      "> ACK 101 1 win=512\n"
                      ". 1\n"));
    CHECK(right.tcp->counters.cookies_out == out + 1 && pair_flow != NULL);
    /* Neither window is scaled: 512 bytes may be sent, and ours is in bytes. */
    pair_write(2000);
    CHECK(script_play("< ACK 1 101 +512 win=65535\n"
                      "> ACK 101 513 win=512 +100\n"
                      "< ACK 513 201 +512 win=65435\n"));
    /* No SACK is sent for a hole. */
    CHECK(script_play("> ACK 301 513 win=512 +100\n"
                      "< ACK 1025 201 sack=\n"));
}

TEST(a_cookie_for_a_peer_with_timestamps_offers_both_and_keeps_them)
{
    fill_half_open();
    CHECK(script_play("> SYN 100 mss=1000 sackok ws=7 ts=5:0\n"
                      "< SYN,ACK 0 101 sackok ws=7 echo=5\n"
                      "> ACK 101 1 win=512 ts=6:0\n"
                      ". 1\n"));
    CHECK(pair_flow != NULL && pair_tcp()->sack.permitted &&
          pair_tcp()->snd.wind_shift == 7 && pair_tcp()->snd.wnd == 512 << 7);
}

TEST(a_cookie_offers_a_peer_with_timestamps_only_options_that_it_offered)
{
    fill_half_open();
    CHECK(script_play("> SYN 100 mss=1000 ts=5:0\n"
                      "< SYN,ACK 0 101 nosack nows echo=5\n"
                      "> ACK 101 1 win=512 ts=6:0\n"
                      ". 1\n"));
    CHECK(pair_flow != NULL && !pair_tcp()->sack.permitted &&
          pair_tcp()->snd.wnd == 512);
}

TEST(a_cookie_with_timestamps_is_refused_without_them)
{
    fill_half_open();
    CHECK(script_play("> SYN 100 mss=1000 sackok ws=7 ts=5:0\n"
                      "< SYN,ACK 0 101 echo=5\n"
                      "> ACK 101 1 win=512\n"
                      "-\n"
                      "> ACK 101 1 win=512 ts=6:0\n"
                      ". 1\n"));
    CHECK(pair_flow != NULL && pair_tcp()->ts.is_on);
}

TEST(a_timestamp_that_was_not_negotiated_by_a_cookie_is_ignored)
{
    fill_half_open();
    CHECK(script_play("> SYN 100 mss=1000 sackok ws=7\n"
                      "< SYN,ACK 0 101 nosack nows nots\n"
                      "> ACK 101 1 win=512 ts=6:31\n"
                      ". 1\n"));
    CHECK(pair_flow != NULL && !pair_tcp()->ts.is_on &&
          !pair_tcp()->sack.permitted && pair_tcp()->snd.wnd == 512);
}

/* FINs beyond a hole. */

TEST(a_fin_beyond_a_hole_is_forgotten_when_data_follow_it)
{
    open_with("", "");
    CHECK(script_play("> FIN,ACK 201 1\n"
                      "< ACK 1 101\n"
                      "> ACK 101 1 +300\n"
                      "< ACK 1 401\n"
                      "> ACK 401 1 +100\n"
                      "< ACK 1 501\n"
                      "> FIN,ACK 501 1\n"
                      "< ACK 1 502\n"));
    CHECK(pair_tcp()->state == TCP_CLOSE_WAIT && unread() == 400);
}

TEST(a_fin_beyond_a_hole_is_acknowledged_when_the_hole_is_filled)
{
    open_with("", "");
    CHECK(script_play("> FIN,ACK 201 1 +100\n"
                      "< ACK 1 101\n"
                      "> ACK 101 1 +100\n"
                      "< ACK 1 302\n"));
    CHECK(pair_tcp()->state == TCP_CLOSE_WAIT && unread() == 200);
}

TEST(a_fin_without_data_beyond_a_hole_is_acknowledged_when_the_hole_is_filled)
{
    open_with("", "");
    CHECK(script_play("> FIN,ACK 201 1\n"
                      "< ACK 1 101\n"
                      "> ACK 101 1 +100\n"
                      "< ACK 1 202\n"));
    CHECK(pair_tcp()->state == TCP_CLOSE_WAIT && unread() == 100);
}

TEST(out_of_order_data_after_a_pending_fin_discard_the_fin)
{
    open_with("", "");
    CHECK(script_play("> FIN,ACK 201 1\n"
                      "< ACK 1 101\n"
                      "> ACK 301 1 +100\n"
                      "< ACK 1 101\n"
                      "> ACK 101 1 +100\n"
                      "< ACK 1 201\n"
                      "> ACK 201 1 +100\n"
                      "< ACK 1 401\n"));
    CHECK(pair_tcp()->state == TCP_ESTABLISHED && unread() == 300);
}

TEST(a_fin_before_queued_out_of_order_data_is_ignored)
{
    open_with("", "");
    CHECK(script_play("> ACK 301 1 +100\n"
                      "< ACK 1 101\n"
                      "> FIN,ACK 201 1\n"
                      "< ACK 1 101\n"
                      "> ACK 101 1 +100\n"
                      "< ACK 1 201\n"
                      "> FIN,ACK 201 1 +100\n"
                      "< ACK 1 302\n")); /* in order it is accepted */
    CHECK(pair_tcp()->state == TCP_CLOSE_WAIT && unread() == 200);
}

TEST(of_two_fins_beyond_a_hole_the_later_ends_the_stream)
{
    open_with("", "");
    CHECK(script_play("> FIN,ACK 201 1\n"
                      "< ACK 1 101\n"
                      "> FIN,ACK 301 1\n"
                      "< ACK 1 101\n"
                      "> FIN,ACK 201 1\n"
                      "< ACK 1 101\n"
                      "> ACK 101 1 +200\n"
                      "< ACK 1 302\n"));
    CHECK(pair_tcp()->state == TCP_CLOSE_WAIT && unread() == 200);
}

/* Fills our window of 65,535 bytes. */
static void fill_window(void)
{
    open_with("", "");
    CHECK(script_play("> ACK 101 1 +1000 x65\n"
                      ". 100\n"
                      "~\n"));
}

TEST(a_fin_is_accepted_with_a_zero_window_which_stays_zero)
{
    fill_window();
    CHECK(script_play("> ACK 65101 1 +535\n"
                      "< ACK 1 65636 win=0\n"
                      "> FIN,ACK 65636 1\n"
                      "< ACK 1 65637 win=0\n"));
    CHECK(pair_tcp()->state == TCP_CLOSE_WAIT && unread() == 65535);
    CHECK(pair_tcp()->rcv.adv == pair_tcp()->rcv.nxt);
    pair_write(10);
    CHECK(script_play("< ACK 1 65637 +10 win=0\n"));
}

TEST(a_fin_after_data_that_fill_the_window_is_accepted)
{
    fill_window();
    CHECK(script_play("> FIN,ACK 65101 1 +535\n"
                      "< ACK 1 65637 win=0\n"));
    CHECK(pair_tcp()->state == TCP_CLOSE_WAIT && unread() == 65535);
}

TEST(a_fin_after_data_beyond_the_window_is_ignored)
{
    fill_window();
    CHECK(script_play("> FIN,ACK 65101 1 +536\n"
                      "< ACK 1 65636 win=0\n"
                      "> FIN,ACK 65637 1\n"
                      "< ACK 1 65636 win=0\n"));
    CHECK(pair_tcp()->state == TCP_ESTABLISHED && unread() == 65535);
}

/* The edges of the receive window: RFC 9293, 3.4. */

static uint32_t snd_una(void)
{
    return pair_tcp()->snd.una - pair_tcp()->iss;
}

TEST(a_segment_whose_last_byte_is_the_next_one_expected_is_accepted)
{
    open_with("", "");
    CHECK(script_play("> ACK 101 1 +10\n"
                      "< ACK 1 111\n"
                      "> ACK 102 1 +10\n" /* one byte is new */
                      "< ACK 1 112\n"));
    CHECK(unread() == 11);
}

TEST(an_ack_at_the_right_edge_of_the_window_counts_only_without_data)
{
    char text[200];

    open_with("", "");
    pair_write(1000);
    CHECK(script_play("< ACK 1 101 +1000\n"));
    text_format(text, sizeof text,
                "> ACK %u 1001 +1\n"
                "< ACK 1001 101\n",
                pair_tcp()->rcv.adv);
    CHECK(script_play(text) && snd_una() == 1);
    text_format(text, sizeof text,
                "> ACK %u 1001\n"
                ". 1\n",
                pair_tcp()->rcv.adv);
    CHECK(script_play(text) && snd_una() == 1001);
}

TEST(an_ack_beyond_the_window_is_not_processed)
{
    char text[200];

    open_with("", "");
    pair_write(1000);
    CHECK(script_play("< ACK 1 101 +1000\n"));
    text_format(text, sizeof text,
                "> ACK %u 1001\n"
                "< ACK 1001 101\n",
                pair_tcp()->rcv.adv + 1);
    CHECK(script_play(text) && snd_una() == 1);
}

/* Negotiated timestamps: RFC 7323, 3.2. */

TEST(the_timestamp_of_an_out_of_order_segment_is_not_echoed)
{
    open_with("ts=5:0", "ts=6:0");
    CHECK(script_play("> ACK 101 1 +100 ts=7:0\n"
                      "< ACK 1 201 echo=7\n"
                      "> ACK 301 1 +100 ts=8:0\n"
                      "< ACK 1 201 echo=7\n"
                      "> ACK 201 1 +100 ts=9:0\n"
                      "< ACK 1 401 echo=9\n"));
}

TEST(a_segment_without_a_negotiated_timestamp_is_dropped_silently)
{
    open_with("ts=5:0", "ts=6:0");
    pair_write(10);
    CHECK(script_play("< ACK 1 101 +10 echo=6\n"
                      "> ACK 101 11 +100\n"
                      "> FIN,ACK 101 11\n"
                      "> ACK 101 11\n"
                      ". 100\n"));
    CHECK(pair_tcp()->snd.una == pair_tcp()->iss + 1 && unread() == 0 &&
          pair_tcp()->state == TCP_ESTABLISHED);
    CHECK(right.tcp->counters.missing_timestamps >= 3);
}

TEST(the_connection_survives_a_segment_without_a_timestamp)
{
    open_with("ts=5:0", "ts=6:0");
    CHECK(script_play("> ACK 101 1 +100\n"
                      "-\n"
                      "> ACK 101 1 +100 ts=7:0\n"
                      "< ACK 1 201 echo=7\n"));
    CHECK(unread() == 100);
}

TEST(a_reset_needs_no_timestamp)
{
    open_with("ts=5:0", "ts=6:0");
    CHECK(script_play("> RST 101\n"
                      "-\n"));
    CHECK(pair_flow == NULL || pair_tcp()->state == TCP_CLOSED);
}

TEST(the_ack_of_the_handshake_needs_the_negotiated_timestamp)
{
    begin();
    CHECK(script_play("> SYN 100 mss=1000 ts=5:0\n"
                      "< SYN,ACK 0 101 echo=5\n"
                      "> ACK 101 1\n"
                      "- \n"));
}

TEST(a_syn_without_a_timestamp_is_challenged)
{
    open_with("ts=5:0", "ts=6:0");
    CHECK(script_play("> SYN 5000\n"
                      "< ACK 1 101 echo=6\n"));
}

TEST(our_reset_has_the_negotiated_timestamp)
{
    open_with("ts=5:0", "ts=6:0");
    flow_abort(pair_flow);
    CHECK(script_play("< RST 1 echo=6\n"
                      "-\n"));
    open_with("", "");
    flow_abort(pair_flow);
    CHECK(script_play("< RST 1 nots\n"));
}

TEST(a_reset_for_data_after_close_has_the_negotiated_timestamp)
{
    open_with("ts=5:0", "ts=6:0");
    pair_let_go();
    CHECK(script_play("< FIN,ACK 1 101 echo=6\n"
                      "> ACK 101 2 ts=7:0 +10\n"
                      "< RST 2 echo=7\n"
                      "-\n"));
}

TEST(a_fin_without_a_timestamp_does_not_restart_time_wait)
{
    open_with("ts=5:0", "ts=6:0");
    pair_let_go();
    CHECK(script_play("< FIN,ACK 1 101\n"
                      "> FIN,ACK 101 2 ts=7:0\n"
                      "< ACK 2 102 echo=7\n"
                      "> FIN,ACK 101 2\n"
                      "-\n"
                      ". 30000\n"
                      "> FIN,ACK 101 2 ts=8:0\n"
                      "< ACK 2 102\n"
                      ". 31000\n"));
    CHECK(right.tcp->count == 1);
    CHECK(script_play(". 30000\n"));
    CHECK(right.tcp->count == 0);
}

TEST(after_24_idle_days_ts_recent_is_invalid_and_replaced)
{
    open_with("ts=4000000000:0", "ts=4000000000:0");
    CHECK(time_sleep(25 * 86400 * SECOND) == OK);
    CHECK(script_play("> ACK 101 1 +10 ts=1865032704:0\n" /* after 25 days */
                      "< ACK 1 111 echo=1865032704\n"
                      "> ACK 111 1 +10 ts=1865032703:0\n"
                      "< ACK 1 111 echo=1865032704\n" /* stale: dropped */
                      "> ACK 111 1 +10 ts=1865032705:0\n"
                      "< ACK 1 121 echo=1865032705\n"));
}

TEST(within_24_days_an_older_timestamp_is_rejected)
{
    open_with("ts=4000000000:0", "ts=4000000000:0");
    CHECK(time_sleep(23 * 86400 * SECOND) == OK);
    CHECK(script_play("> ACK 101 1 +10 ts=3999999999:0\n"
                      "< ACK 1 101 echo=4000000000\n"));
}

/* Simultaneous open. */

TEST(the_window_of_a_syn_ack_is_not_scaled_in_a_simultaneous_open)
{
    begin();
    script_open();
    CHECK(script_play("< SYN 0 ws=7 sackok ts\n"
                      "> SYN 100 mss=1000 ws=7 win=1000\n"
                      "< SYN,ACK 0 101 ws=7\n"
                      "> SYN,ACK 100 1 mss=1000 ws=7 win=1000\n"
                      ". 1\n"));
    CHECK(script_opened == OK && script_flow != NULL);
    CHECK(((const struct connection *)(void *)script_flow)->snd.wnd == 1000);
    CHECK(flow_write(script_flow, data, 14600, FOREVER) == OK);
    CHECK(script_play(
        "< ACK 1 101 +1000\n"
        ". 50\n"
        "> ACK 101 1001 win=8\n" /* this one is scaled: 1,024 bytes */
        "< ACK 1001 101 +1000\n"
        "> ACK 101 2001 win=24\n"
        "< ACK 2001 101 +1000 x3\n"));
    flow_abort(script_flow);
    flow_close(script_flow);
}

/* RFC 9293, MUST-11: a passive open would return to LISTEN. */
TEST(in_a_simultaneous_open_a_syn_is_challenged_and_a_reset_refuses_the_open)
{
    begin();
    script_open();
    CHECK(script_play("< SYN 0\n"
                      "> SYN 100 mss=1000\n"
                      "< SYN,ACK 0 101\n"
                      "> SYN 500\n"
                      "< ACK 1 101\n"
                      "> RST 101\n"
                      ". 1\n"));
    CHECK(script_opened == ERR_REFUSED && script_flow == NULL);
}

/* RFC 9293, MUST-16: the MSS does not count options, which must fit, too. */
TEST(segments_with_timestamps_fit_the_peers_mss)
{
    open_with("mss=1000 ts=5:0", "ts=6:0");
    pair_write(2 * 988);
    CHECK(script_play("< ACK 1 101 +988 x2 ts\n"));
}

/* RFC 7323, 5.3 and 3.2 */
TEST(a_reset_with_an_old_timestamp_or_none_is_accepted)
{
    open_with("mss=1000 ts=5:0", "ts=6:0");
    CHECK(script_play("> RST 101 ts=1:0\n"
                      ". 1\n"));
    CHECK(right.tcp->count == 0);
    open_with("mss=1000 ts=5:0", "ts=6:0");
    CHECK(script_play("> RST 101\n"
                      ". 1\n"));
    CHECK(right.tcp->count == 0);
}

/* RFC 7323, 2.4 */
TEST(rounding_does_not_move_the_right_edge_back)
{
    open_with("mss=1000 ws=7", "win=512");
    CHECK(script_play("> ACK 101 1 +1\n"
                      "< ACK 1 102 win=512\n"
                      "> ACK 102 1 +126\n"
                      "< ACK 1 228 win=512\n"
                      "> ACK 228 1 +1000\n"
                      "< ACK 1 1228 win=505\n"));
}

/* RFC 7323, 2.4: windows are rounded up, so the right edge may advance with
 * each small segment; but not for ever. A repeated byte causes an ACK at once.
 */
TEST(small_segments_that_are_not_read_close_the_window)
{
    char line[64];
    uint32_t at = 101;

    open_with("mss=1000 ws=7", "win=512");
    for (int i = 0; i < 2000; i++, at += 100) {
        text_format(line, sizeof line, "~\n> ACK %u 1 +101\n. 1\n", at - 1);
        CHECK(script_play(line));
    }
    CHECK(unread() >= 65536 && unread() <= 2 * 65536 + 128);
}

/* SYN,ACKs in an active open: RFC 9293, 3.10.7.3. */

TEST(data_in_a_syn_ack_are_received)
{
    begin();
    script_open();
    CHECK(script_play("< SYN 0\n"
                      "> SYN,ACK 100 1 mss=1000 +100\n"
                      "< ACK 1 201\n"
                      "> ACK 201 1 +100\n"
                      "< ACK 1 301\n"));
    CHECK(script_opened == OK && script_flow != NULL &&
          ((const struct connection *)(void *)script_flow)->rcvq.len == 200);
    flow_abort(script_flow);
    flow_close(script_flow);
}

TEST(data_and_fin_in_a_syn_ack_are_received)
{
    begin();
    script_open();
    CHECK(script_play("< SYN 0\n"
                      "> SYN,FIN,ACK 100 1 mss=1000 +100\n"
                      "< ACK 1 202\n"));
    CHECK(script_opened == OK && script_flow != NULL &&
          ((const struct connection *)(void *)script_flow)->state ==
              TCP_CLOSE_WAIT);
    flow_abort(script_flow);
    flow_close(script_flow);
}

TEST(a_fin_in_a_syn_ack_is_received)
{
    begin();
    script_open();
    CHECK(script_play("< SYN 0\n"
                      "> SYN,FIN,ACK 100 1 mss=1000\n"
                      "< ACK 1 102\n"));
    CHECK(script_opened == OK && script_flow != NULL);
    flow_close(script_flow);
    CHECK(script_play("< FIN,ACK 1 102\n"
                      "> ACK 102 2\n"
                      "-\n"));
}

TEST(data_in_a_syn_are_delivered_after_a_simultaneous_open)
{
    begin();
    script_open();
    CHECK(script_play("< SYN 0\n"
                      "> SYN 100 mss=1000 +30\n"
                      "< SYN,ACK 0 101\n"
                      "> ACK 131 1\n"
                      "< ACK 1 131\n"
                      "> ACK 131 1 +10\n"
                      "< ACK 1 141\n"));
    CHECK(script_opened == OK && script_flow != NULL &&
          ((const struct connection *)(void *)script_flow)->rcvq.len == 40);
    flow_abort(script_flow);
    flow_close(script_flow);
    begin();
    script_open();
    CHECK(script_play(
        "< SYN 0\n"
        "> SYN 100 mss=1000 +30\n"
        "< SYN,ACK 0 101\n"
        "> SYN,ACK 100 1 mss=1000 +40\n" /* a duplicate with more data */
        "< ACK 1 141\n"));
    CHECK(script_opened == OK && script_flow != NULL &&
          ((const struct connection *)(void *)script_flow)->rcvq.len == 40);
    flow_abort(script_flow);
    flow_close(script_flow);
}

TEST(data_in_a_syn_are_freed_when_the_open_is_cancelled)
{
    begin();
    script_open();
    CHECK(script_play("< SYN 0\n"
                      "> SYN 100 mss=1000 +30\n"
                      "< SYN,ACK 0 101\n"
                      "> RST 101\n"
                      ". 1\n"));
    CHECK(script_opened == ERR_REFUSED && buf_pages_free() == buf_pages());
}

TEST(data_in_a_syn_to_a_listener_are_not_acknowledged)
{
    begin();
    CHECK(script_play("> SYN 100 mss=1000 +100\n"
                      "< SYN,ACK 0 101\n"
                      "> ACK 101 1 +100\n"
                      "< ACK 1 201\n"));
    CHECK(unread() == 100);
}

TEST(a_syn_with_fin_is_dropped)
{
    begin();
    CHECK(script_play("> SYN,FIN 100 mss=1000 +100\n"
                      "-\n"));
    CHECK(right.tcp->count == 0);
}

/* SACK: RFC 2018, 4; RFC 2883. Blocks of 100 bytes, a hole before each. */

static void open_five_ranges(void)
{
    open_with("sackok", "");
    CHECK(script_play("> ACK 201 1 +100\n"
                      "< ACK 1 101 sack=201:301\n"
                      "> ACK 401 1 +100\n"
                      "< ACK 1 101 sack=401:501,201:301\n"
                      "> ACK 601 1 +100\n"
                      "< ACK 1 101 sack=601:701,401:501,201:301\n"
                      "> ACK 801 1 +100\n"
                      "< ACK 1 101 sack=801:901,601:701,401:501,201:301\n"
                      "> ACK 1001 1 +100\n"
                      "< ACK 1 101 sack=1001:1101,801:901,601:701,401:501\n"));
}

TEST(the_first_sack_block_is_the_whole_run_of_the_segment)
{
    open_five_ranges();
    CHECK(script_play("> ACK 301 1 +50\n"
                      "< ACK 1 101 sack=201:351,1001:1101,801:901,601:701\n"
                      "> ACK 501 1 +50\n"
                      "< ACK 1 101 sack=401:551,201:351,1001:1101,801:901\n"
                      "> ACK 151 1 +50\n"
                      "< ACK 1 101 sack=151:351,401:551,1001:1101,801:901\n"));
}

TEST(the_first_sack_block_merges_runs_that_the_segment_joins)
{
    open_five_ranges();
    CHECK(script_play("> ACK 301 1 +100\n"
                      "< ACK 1 101 sack=201:501,1001:1101,801:901,601:701\n"));
}

TEST(an_omitted_sack_block_is_reported_when_two_blocks_merge)
{
    open_five_ranges();
    CHECK(script_play("> ACK 901 1 +100\n"
                      "< ACK 1 101 sack=801:1101,601:701,401:501,201:301\n"));
}

TEST(an_omitted_sack_block_is_reported_when_another_is_acknowledged)
{
    open_five_ranges();
    CHECK(
        script_play("> ACK 1201 1 +100\n" /* a sixth block: two have no room */
                    "< ACK 1 101 "
                    "sack=1201:1301,1001:1101,801:901,601:701\n"
                    "> ACK 701 1 +100\n"
                    "< ACK 1 101 "
                    "sack=601:901,1201:1301,1001:1101,401:501\n"
                    "> ACK 901 1 +100\n"
                    "< ACK 1 101 sack=601:1101,1201:1301,401:501,201:301\n"
                    "> ACK 101 1 +100\n"
                    "< ACK 1 301 sack=601:1101,1201:1301,401:501\n"));
}

TEST(with_timestamps_three_sack_blocks_fit_and_others_are_reported_later)
{
    open_with("sackok ts=5:0", "ts=6:0");
    CHECK(script_play(
        "> ACK 201 1 +100 ts=6:0\n"
        "< ACK 1 101 sack=201:301\n"
        "> ACK 401 1 +100 ts=6:0\n"
        "< ACK 1 101 sack=401:501,201:301\n"
        "> ACK 601 1 +100 ts=6:0\n"
        "< ACK 1 101 sack=601:701,401:501,201:301\n"
        "> ACK 801 1 +100 ts=6:0\n"
        "< ACK 1 101 sack=801:901,601:701,401:501\n"
        "> ACK 1001 1 +100 ts=6:0\n"
        "< ACK 1 101 sack=1001:1101,801:901,601:701\n"
        "> ACK 901 1 +100 ts=6:0\n"
        "< ACK 1 101 sack=801:1101,601:701,401:501\n"
        "> ACK 701 1 +100 ts=6:0\n"
        "< ACK 1 101 sack=601:1101,401:501,201:301\n"));
}

TEST(a_dsack_is_followed_by_the_block_that_contains_it)
{
    open_five_ranges();
    CHECK(script_play("> ACK 401 1 +50\n"
                      "< ACK 1 101 sack=401:451,401:501,1001:1101,801:901\n"
                      "> ACK 201 1 +100\n" /* of a block that had no room */
                      "< ACK 1 101 sack=201:301,201:301,401:501,1001:1101\n"
                      "> ACK 251 1 +100\n" /* half of it is new */
                      "< ACK 1 101 sack=251:301,201:351,401:501,1001:1101\n"
                      "> ACK 351 1 +100\n" /* the other half */
                      "< ACK 1 101 sack=401:451,201:501,1001:1101,801:901\n"));
}

TEST(in_order_data_that_cover_queued_data_cause_a_dsack)
{
    open_with("sackok", "");
    CHECK(script_play("> ACK 1101 1 +1000\n"
                      "< ACK 1 101 sack=1101:2101\n"
                      "> ACK 4101 1 +1000\n"
                      "< ACK 1 101 sack=4101:5101,1101:2101\n"
                      "> ACK 101 1 +1400\n" /* to the middle of the first */
                      "< ACK 1 2101 sack=1101:1501,4101:5101\n"
                      "> ACK 2101 1 +1400\n"
                      "< ACK 1 3501 sack=4101:5101\n"
                      "> ACK 3501 1 +1400\n"
                      "< ACK 1 5101 sack=4101:4901\n"));
    open_five_ranges();
    CHECK(script_play("> ACK 101 1 +600\n" /* three of them */
                      "< ACK 1 701 sack=201:301,1001:1101,801:901\n"));
    CHECK(unread() == 600);
}

TEST(data_partly_received_before_cause_a_dsack_of_that_part)
{
    open_with("sackok", "");
    CHECK(script_play("> ACK 101 1 +100\n"
                      "< ACK 1 201\n"
                      "> ACK 301 1 +100\n"
                      "< ACK 1 201 sack=301:401\n"
                      "> ACK 501 1 +100\n"
                      "< ACK 1 201 sack=501:601,301:401\n"
                      "> ACK 151 1 +300\n"
                      "< ACK 1 451 sack=151:201,501:601\n"));
}

TEST(a_block_received_again_with_more_causes_a_dsack)
{
    open_with("sackok", "");
    CHECK(script_play("> ACK 301 1 +100\n"
                      "< ACK 1 101 sack=301:401\n"
                      "> ACK 201 1 +300\n"
                      "< ACK 1 101 sack=301:401,201:501\n"));
}

TEST(invariants_held_whenever_a_frame_was_sent)
{
    begin();
    tcpv4_reset(right.tcp, ERR_GONE);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(pair_checks > 100 && pair_failures == 0);
    CHECK(buf_pages_free() == buf_pages());
}
