/* SPDX-License-Identifier: ISC */
/*
 * Signals of the path: ECN (RFC 3168), path MTU discovery (RFC 1191, RFC 4821),
 * and ICMP unreachable (RFC 5461).
 */
#include "check.h"
#include "pair.h"
#include "script.h"
#include <mirage/bytes.h>
#include <string.h>

static uint8_t data[200000];

static void begin(void)
{
    script_restart(5);
    tcpv4_set_ecn(right.tcp, TCPV4_ECN_ANSWER);
}

/* ECN */

TEST(ecn_is_used_only_if_negotiated)
{
    begin();
    CHECK(script_play("> SYN,ECE,CWR 100 mss=1000\n"
                      "< SYN,ACK,ECE 0 101 noect\n"
                      "> ACK 101 1\n"
                      ". 1\n"));
    pair_write(1000);
    CHECK(script_play("< ACK 1 101 +1000 ect\n"));
    begin();
    CHECK(script_play("> SYN 100 mss=1000\n"
                      "< SYN,ACK 0 101 noect\n"
                      "> ACK 101 1\n"
                      ". 1\n"));
    pair_write(1000);
    CHECK(script_play("< ACK 1 101 +1000 noect\n"));
    begin();
    tcpv4_set_ecn(right.tcp, TCPV4_ECN_NEVER);
    CHECK(script_play("> SYN,ECE,CWR 100 mss=1000\n"
                      "< SYN,ACK 0 101 noect\n"));
}

/* RFC 3168, 6.1.1 */
TEST(an_active_open_uses_ecn_only_if_the_answer_has_ece_alone)
{
    static const struct {
        const char *answer, *first;
    } cases[] = {{"> SYN,ACK,ECE 100 1 mss=1000\n", "< ACK 1 101 +1000 ect\n"},
                 {"> SYN,ACK 100 1 mss=1000\n", "< ACK 1 101 +1000 noect\n"},
                 {"> SYN,ACK,ECE,CWR 100 1 mss=1000\n",
                  "< ACK 1 101 +1000 noect\n"}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin();
        tcpv4_set_ecn(right.tcp, TCPV4_ECN_ASK);
        script_open();
        CHECK(script_play("< SYN,ECE,CWR 0 noect\n") &&
              script_play(cases[i].answer) && script_play("< ACK 1 101\n"));
        CHECK(script_opened == OK && script_flow != NULL);
        if (!script_flow)
            continue;
        CHECK(flow_write(script_flow, data, 1000, FOREVER) == OK);
        CHECK(script_play(cases[i].first));
        flow_abort(script_flow);
        flow_close(script_flow);
    }
}

/* 6.1.1.1: a middlebox may have dropped it for its flags. */
TEST(a_repeated_syn_does_not_use_ecn)
{
    begin();
    tcpv4_set_ecn(right.tcp, TCPV4_ECN_ASK);
    script_open();
    CHECK(script_play("< SYN,ECE,CWR 0\n"
                      "< SYN 0 after=1000\n"
                      "> SYN,ACK,ECE 100 1 mss=1000\n"
                      "< ACK 1 101\n"));
    CHECK(script_flow && !tcp_of(script_flow)->ecn.is_on);
    if (script_flow) {
        flow_abort(script_flow);
        flow_close(script_flow);
    }
    begin();
    CHECK(script_play("> SYN,ECE,CWR 100 mss=1000\n"
                      "< SYN,ACK,ECE 0 101\n"
                      "< SYN,ACK 0 101 after=1000\n"
                      "> ACK 101 1\n"
                      ". 1\n"));
    pair_write(1000);
    CHECK(script_play("< ACK 1 101 +1000 noect\n"));
}

TEST(ce_is_echoed_by_ece_until_cwr)
{
    begin();
    CHECK(script_play("> SYN,ECE,CWR 100\n"
                      "< SYN,ACK,ECE 0 101\n"
                      "> ACK 101 1\n"
                      "> ACK 101 1 +1000\n"
                      "< ACK 1 1101 noect\n"
                      "> ACK 1101 1 +1000 ce\n"
                      "< ACK,ECE 1 2101\n"
                      "> ACK 2101 1 +1000\n"
                      "< ACK,ECE 1 3101\n"
                      "> ACK,CWR 3101 1 +1000\n"
                      "< ACK 1 4101\n"
                      "> ACK,CWR 4101 1 +1000 ce\n"
                      "< ACK,ECE 1 5101\n"));
}

TEST(ece_reduces_cwnd_once_per_rtt)
{
    uint32_t ssthresh;

    begin();
    CHECK(script_play("> SYN,ECE,CWR 100 mss=1000\n"
                      "< SYN,ACK,ECE 0 101\n"
                      ". 100\n"
                      "> ACK 101 1\n"
                      ". 1\n"));
    pair_write(40000);
    CHECK(script_play("< ACK 1 101 +1000 x10\n"
                      ". 100\n"
                      "> ACK,ECE 101 2001\n"
                      "< ACK,CWR 10001 101 +1000 ect\n"
                      "> ACK,ECE 101 4001\n"));
    CHECK(time_sleep(MILLISECOND) == OK);
    ssthresh = pair_tcp()->ssthresh;
    CHECK(ssthresh == 7000 && pair_tcp()->recovery.phase == TCP_REDUCED);
    CHECK(right.tcp->counters.marks_echoed == 1);
    CHECK(script_play("> ACK,ECE 101 10001\n"
                      ". 1\n"));
    CHECK(pair_tcp()->ssthresh == ssthresh);
    CHECK(script_play("> ACK,ECE 101 11001\n" /* the next round trip */
                      ". 1\n"));
    CHECK(pair_tcp()->ssthresh < ssthresh);
    CHECK(right.tcp->counters.marks_echoed >= 2);
}

TEST(a_retransmitted_syn_does_not_ask_for_ecn)
{
    begin();
    tcpv4_set_ecn(right.tcp, TCPV4_ECN_ASK);
    script_open();
    CHECK(script_play("< SYN,ECE,CWR 0 noect\n"
                      "> SYN,ACK,ECE 300 1 mss=1000\n"
                      "< ACK 1 301 noect\n"));
    CHECK(script_opened == OK);
    CHECK(flow_write(script_flow, data, 1000, FOREVER) == OK);
    CHECK(script_play("< ACK 1 301 +1000 ect\n"));
    flow_abort(script_flow);
    flow_close(script_flow);
    begin();
    tcpv4_set_ecn(right.tcp, TCPV4_ECN_ASK);
    script_open();
    CHECK(script_play("< SYN,ECE,CWR 0\n"
                      ". 500\n"
                      "< SYN 0\n"
                      "> SYN,ACK,ECE 300 1 mss=1000\n"
                      "< ACK 1 301\n"));
    CHECK(script_opened == OK);
    CHECK(flow_write(script_flow, data, 1000, FOREVER) == OK);
    CHECK(script_play("< ACK 1 301 +1000 noect\n"));
    flow_abort(script_flow);
    flow_close(script_flow);
}

TEST(retransmissions_are_not_ecn_capable)
{
    begin();
    CHECK(script_play("> SYN,ECE,CWR 100 mss=1000 sackok\n"
                      "< SYN,ACK,ECE 0 101\n"
                      "> ACK 101 1\n"
                      ". 1\n"));
    pair_write(10000);
    CHECK(script_play("< ACK 1 101 +1000 x10 ect\n"
                      "> ACK 101 1 sack=1001:6001\n"
                      "< ACK 1 101 +1000 noect\n"));
}

/* The MTU: RFC 1191, RFC 4821 */

static const struct network_ops *real_ops;
static size_t longest; /* the longest packet that passes */
static bool tells; /* a router sends ICMP errors */
static unsigned swallowed;

static void complain(enum status status, uint16_t mtu, uint32_t seq,
                     uint16_t port)
{
    struct ipv4_packet packet = {.from = ipv4_address(10, 0, 0, 2),
                                 .to = ipv4_address(10, 0, 0, 1),
                                 .protocol = PROTOCOL_TCP};
    struct ipv4_error error = {status, mtu};
    uint8_t start[8];

    put_be16(start, port);
    put_be16(start + 2, 4000);
    put_be32(start + 4, seq);
    ipv4_failed(right.ip, &packet, start, sizeof start, &error);
}

static uint32_t complained_of[64];
static unsigned complaints;

static void send_complaints(void *ctx)
{
    (void)ctx;
    CHECK(time_sleep(MILLISECOND) == OK);
    for (unsigned i = 0; i < complaints; i++)
        complain(ERR_RANGE, (uint16_t)longest, complained_of[i], 80);
    complaints = 0;
}

static void write_short(struct network *n, struct buf *frame)
{
    bool is_whole = frame->data[ETHERNET_HEADER + 6] & 0x40;

    /* Packets without DF pass as fragments. */
    if (buf_length(frame) <= longest + ETHERNET_HEADER || !is_whole) {
        real_ops->write(n, frame);
        return;
    }
    swallowed++;
    if (tells && complaints < 64) {
        complained_of[complaints++] = get_be32(frame->data + 38);
        if (complaints == 1)
            CHECK(fiber_start(send_complaints, NULL) == OK);
    }
    buf_free(frame);
}

/* Sets the path's MTU, and opens a connection over it. */
static void open_through(size_t mtu, bool router)
{
    static const struct network_ops ops = {.write = write_short};

    begin();
    if (!real_ops) {
        real_ops = right.net->ops;
        right.net->ops = &ops;
    }
    longest = mtu;
    tells = router;
    swallowed = 0;
    CHECK(script_play("> SYN 100 mss=1460 sackok\n"
                      "< SYN,ACK 0 101\n"
                      ". 50\n"
                      "> ACK 101 1\n"
                      ". 1\n"));
}

TEST(an_icmp_mtu_causes_retransmission_at_once_in_shorter_segments)
{
    uint32_t cwnd;

    open_through(1400, true);
    cwnd = pair_tcp()->cwnd;
    pair_write(2920);
    CHECK(script_play("< ACK 1 101 +1360\n"
                      "< ACK 1361 101 +1360\n"
                      "< ACK 2721 101 +200\n"
                      "> ACK 101 2921\n"
                      ". 1\n"));
    CHECK(pair_tcp()->cwnd >= cwnd && pair_tcp()->ssthresh == UINT32_MAX);
    CHECK(pair_tcp()->recovery.phase == TCP_OPEN && pair_tcp()->mss == 1360);
}

TEST(an_icmp_mtu_for_data_not_in_flight_is_ignored)
{
    open_through(1500, false);
    complain(ERR_RANGE, 600, pair_tcp()->snd.una,
             80); /* nothing in flight is */
    CHECK(pair_tcp()->mss == 1460);
    pair_write(14600);
    complain(ERR_RANGE, 600, pair_tcp()->snd.una - 1, 80);
    complain(ERR_RANGE, 600, pair_tcp()->snd.nxt, 80);
    complain(ERR_RANGE, 1500, pair_tcp()->snd.una, 80);
    CHECK(pair_tcp()->mss == 1460);
    complain(ERR_RANGE, 68, pair_tcp()->snd.una, 80);
    CHECK(pair_tcp()->mss == 512); /* not shorter */
}

TEST(a_path_mtu_below_552_gives_552_without_df)
{
    uint32_t cwnd;

    open_through(400, true);
    cwnd = pair_tcp()->cwnd;
    pair_write(2920);
    CHECK(script_play("< ACK 1 101 +512 nodf\n"
                      "< ACK 513 101 +512 nodf\n"
                      "< ACK 1025 101 +512 nodf\n"
                      "< ACK 1537 101 +512 nodf\n"
                      "< ACK 2049 101 +512 nodf\n"
                      "< ACK 2561 101 +360 nodf\n"
                      "> ACK 101 2921\n"
                      ". 1\n"));
    CHECK(pair_tcp()->cwnd >= cwnd && pair_tcp()->recovery.phase == TCP_OPEN);
    CHECK(pair_tcp()->mss == 512);
    pair_write(512);
    CHECK(script_play("< ACK 2921 101 +512 nodf\n"
                      "> ACK 101 3433\n"
                      ". 1\n"));
}

TEST(a_path_mtu_of_551_gives_552_without_df_and_one_of_552_keeps_df)
{
    open_through(551, true);
    pair_write(1024);
    CHECK(script_play("< ACK 1 101 +512 nodf\n"
                      "< ACK 513 101 +512 nodf\n"));
    open_through(552, true);
    pair_write(1024);
    CHECK(script_play("< ACK 1 101 +512 df\n"
                      "< ACK 513 101 +512 df\n"));
}

TEST(the_smallest_and_an_impossible_mtu_give_552)
{
    open_through(68, true);
    pair_write(1000);
    CHECK(script_play("< ACK 1 101 +512 nodf\n"
                      "< ACK 513 101 +488 nodf\n"
                      "> ACK 101 1001\n"));
    open_through(1500, false);
    pair_write(1000);
    CHECK(script_play("< ACK 1 101 +1000 df\n"));
    complain(ERR_RANGE, 1, pair_tcp()->snd.una, 80);
    CHECK(script_play("< ACK 1 101 +512 nodf\n"
                      "< ACK 513 101 +488 nodf\n"));
}

TEST(a_path_mtu_of_552_keeps_df)
{
    open_through(552, true);
    pair_write(1000);
    CHECK(script_play("< ACK 1 101 +512 df\n"
                      "< ACK 513 101 +488 df\n"
                      "> ACK 101 1001\n"));
}

TEST(short_segments_lose_df_too)
{
    open_through(400, true);
    pair_reset();
    begin();
    CHECK(script_play("> SYN 100 mss=500 sackok\n"
                      "< SYN,ACK 0 101\n"
                      "> ACK 101 1\n"
                      ". 1\n"));
    pair_write(1000);
    CHECK(script_play("< ACK 1 101 +500 nodf\n"
                      "< ACK 501 101 +500 nodf\n"));
}

TEST(a_repeated_tiny_mtu_retransmits_nothing)
{
    uint64_t resent;

    open_through(400, true);
    pair_write(1024);
    CHECK(script_play("< ACK 1 101 +512 nodf\n"
                      "< ACK 513 101 +512 nodf\n"));
    resent = right.tcp->counters.retransmitted;
    complain(ERR_RANGE, 400, pair_tcp()->snd.una, 80);
    complain(ERR_RANGE, 296, pair_tcp()->snd.una, 80);
    CHECK(time_sleep(10 * MILLISECOND) == OK);
    CHECK(right.tcp->counters.retransmitted == resent);
}

TEST(a_successful_mtu_probe_restores_df)
{
    open_through(400, true);
    pair_write(1024);
    CHECK(script_play("< ACK 1 101 +512 nodf\n"
                      "< ACK 513 101 +512 nodf\n"
                      "> ACK 101 1025\n"
                      ". 1\n"));
    longest = 1500;
    CHECK(time_sleep(601 * SECOND) == OK);
    pair_write(4000);
    CHECK(script_play("< ACK 1025 101 +1460 df\n"
                      "< ACK 2485 101 +512 nodf x4\n"
                      "> ACK 101 2485\n"
                      ". 1\n"));
    CHECK(pair_tcp()->mss == 1460);
    pair_write(1460);
    CHECK(script_play("< ACK 4533 101 +1460 df\n"));
}

TEST(a_black_hole_is_detected_by_timeouts)
{
    open_through(1300, false);
    pair_write(4380);
    CHECK(time_sleep(1500 * MILLISECOND) == OK); /* two timeouts */
    CHECK(pair_tcp()->mss == 1160 && right.tcp->counters.black_holes > 0);
    CHECK(script_play("< ACK 1 101 +1160\n"
                      "> ACK 101 1161\n"
                      "< ACK 1161 101 +300\n"));
}

TEST(the_mtu_is_probed_again_and_a_lost_probe_keeps_cwnd)
{
    uint32_t cwnd;
    uint64_t lost = right.tcp->counters.fast_retransmits;

    open_through(1400, true);
    pair_write(2920);
    CHECK(script_play("< ACK 1 101 +1360\n"
                      "< ACK 1361 101 +1360\n"
                      "< ACK 2721 101 +200\n"
                      "> ACK 101 2921\n"));
    tells = false;
    CHECK(time_sleep(590 * SECOND) == OK);
    pair_write(13600);
    CHECK(script_play("< ACK 2921 101 +1360 x10\n"
                      "> ACK 101 16521\n"));
    CHECK(time_sleep(11 * SECOND) == OK);
    swallowed = 0;
    pair_write(6900); /* a probe of 1,460, which is lost, and other segments */
    cwnd = pair_tcp()->cwnd;
    CHECK(script_play("< ACK 17981 101 +1360 x4\n"
                      ". 50\n"
                      "> ACK 101 16521 sack=17981:23421\n"
                      "< ACK 16521 101 +1360\n"
                      "< ACK 17881 101 +100\n"
                      "> ACK 101 23421\n"
                      ". 1\n"));
    CHECK(swallowed == 1 && pair_tcp()->mss == 1360);
    CHECK(pair_tcp()->cwnd >= cwnd && pair_tcp()->recovery.phase == TCP_OPEN);
    CHECK(right.tcp->counters.fast_retransmits == lost);
    longest = 1500; /* the path has a larger MTU now */
    pair_write(5640);
    CHECK(script_play("< ACK 23421 101 +1410\n"
                      "< ACK 24831 101 +1360 x3\n"
                      ". 50\n"
                      "> ACK 101 28911\n"
                      "< ACK 28911 101 +150\n"
                      ". 1\n"));
    CHECK(pair_tcp()->mss == 1410);
}

TEST(an_icmp_mtu_for_a_probe_is_probed_next)
{
    open_through(1400, true);
    pair_write(2920);
    CHECK(script_play("< ACK 1 101 +1360\n"
                      "< ACK 1361 101 +1360\n"
                      "< ACK 2721 101 +200\n"
                      "> ACK 101 2921\n"));
    tells = false;
    CHECK(time_sleep(601 * SECOND) == OK);
    pair_write(6900);
    CHECK(pair_tcp()->sent.first && pair_tcp()->sent.first->is_probe);
    complain(ERR_RANGE, 1450, pair_tcp()->snd.una, 80);
    CHECK(pair_tcp()->path.probed_mss == 1410 && pair_tcp()->mss == 1360);
}

TEST(no_mtu_probe_is_sent_after_the_fin)
{
    open_through(1400, true);
    pair_write(2920);
    CHECK(script_play("< ACK 1 101 +1360\n"
                      "< ACK 1361 101 +1360\n"
                      "< ACK 2721 101 +200\n"
                      "> ACK 101 2921\n"
                      ". 1\n"));
    flow_shutdown(pair_flow, FLOW_WRITING);
    pair_tcp()->path.raise_at = time_now();
    CHECK(script_play("< FIN,ACK 2921 101\n"
                      "> ACK 101 2921 +5\n"
                      "< ACK 2922 106\n"
                      "> ACK 106 2922\n"
                      ". 1\n"));
    CHECK(pair_tcp()->state == TCP_FIN_WAIT_2);
}

/* RFC 5461 */

TEST(icmp_unreachable_ends_only_a_connection_in_syn_sent)
{
    open_through(1500, false);
    pair_write(1000);
    complain(ERR_UNREACHABLE, 0, pair_tcp()->snd.una, 80);
    complain(ERR_REFUSED, 0, pair_tcp()->snd.una, 80);
    CHECK(script_play("< ACK 1 101 +1000\n"
                      "> ACK 101 1001\n"
                      ". 1\n"));
    CHECK(pair_tcp()->state == TCP_ESTABLISHED);
    begin();
    script_open();
    CHECK(script_play("< SYN 0\n"));
    for (size_t i = 0; i < right.tcp->pool.used; i++)
        if (tcp_pool_at(&right.tcp->pool, i)->state == TCP_SYN_SENT)
            complain(ERR_REFUSED, 0, tcp_pool_at(&right.tcp->pool, i)->iss,
                     tcp_pool_at(&right.tcp->pool, i)->local.port);
    CHECK(time_sleep(MILLISECOND) == OK && script_opened == ERR_REFUSED);
}

TEST(invariants_held_whenever_a_frame_was_sent)
{
    CHECK(pair_failures == 0 && pair_checks > 10);
}
