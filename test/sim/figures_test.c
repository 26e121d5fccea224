/* SPDX-License-Identifier: ISC */
/* The figures of RFC 9293, 3.5 and 3.6, with our TCP at one end. */
#include "check.h"
#include "pair.h"
#include "script.h"

/* Forgets all connections, for a new script. */
static void begin(void)
{
    script_restart(5);
}

TEST(figure_6_a_connection_is_opened_in_three_steps)
{
    begin();
    CHECK(script_play("> SYN 100\n"
                      "< SYN,ACK 0 101\n"
                      "> ACK 101 1\n"
                      "> ACK 101 1 +5\n"
                      "< ACK 1 106\n"));
    CHECK(pair_flow != NULL);
}

TEST(figure_7_simultaneous_open)
{
    begin();
    script_open();
    CHECK(script_play("< SYN 0\n"
                      "> SYN 300\n"
                      "< SYN,ACK 0 301\n"
                      "> SYN,ACK 300 1\n"
                      ". 10\n"));
    CHECK(script_opened == OK && script_flow != NULL);
    flow_abort(script_flow);
    flow_close(script_flow);
}

TEST(figure_8_recovery_from_an_old_duplicate_syn)
{
    begin();
    CHECK(script_play("> SYN 90\n"
                      "< SYN,ACK 0 91\n"
                      "> RST 91\n"
                      "> SYN 100\n"));
    script_begin(); /* a new ISS */
    CHECK(script_play("< SYN,ACK 0 101\n"
                      "> ACK 101 1\n"
                      "> ACK 101 1 +1\n"
                      "< ACK 1 102\n"));
    /* In the place of the other host: an ACK of another SYN is reset. */
    begin();
    script_open();
    CHECK(script_play("< SYN 0\n"
                      "> SYN,ACK 300 =77\n"
                      "< RST =77\n"
                      "< SYN 0 after=1000\n"
                      "> SYN,ACK 400 1\n"
                      "< ACK 1 401\n"));
    CHECK(script_opened == OK && script_flow != NULL);
    if (script_flow) {
        flow_abort(script_flow);
        flow_close(script_flow);
    }
}

TEST(figure_9_half_open_connection_discovery)
{
    begin();
    CHECK(script_play("> SYN 100\n"
                      "< SYN,ACK 0 101\n"
                      "> ACK 101 1\n"
                      "> SYN 400\n" /* the peer has crashed */
                      "< ACK 1 101\n"
                      "> RST 101\n"
                      ". 1\n"));
    CHECK(right.tcp->count == 0);
}

TEST(figure_10_data_to_a_host_without_the_connection_are_reset)
{
    begin();
    /* Our host has lost the connection. */
    CHECK(script_play("> ACK 300 =100 +10\n"
                      "< RST =100\n"
                      "-\n"));
}

TEST(figure_11_an_old_duplicate_syn_is_reset_by_its_apparent_sender)
{
    begin();
    CHECK(script_play("> SYN 200\n"
                      "< SYN,ACK 0 201\n"
                      "> RST 201\n"
                      "-\n"));
    CHECK(right.tcp->count == 0 && right.tcp->half_open == 0);
    /* In the place of the apparent sender. */
    CHECK(script_play("> SYN,ACK 300 =77\n"
                      "< RST =77\n"));
}

TEST(figure_12_the_peer_closes_first)
{
    begin();
    CHECK(script_play("> SYN 100\n"
                      "< SYN,ACK 0 101\n"
                      "> ACK 101 1\n"
                      "> FIN,ACK 101 1\n"
                      "< ACK 1 102\n"));
    pair_let_go();
    CHECK(script_play("< FIN,ACK 1 102\n"
                      "> ACK 102 2\n"
                      "-\n"));
    CHECK(right.tcp->count == 0);
}

TEST(figure_12_we_close_first_and_enter_time_wait)
{
    begin();
    CHECK(script_play("> SYN 100\n"
                      "< SYN,ACK 0 101\n"
                      "> ACK 101 1\n"
                      ". 1\n"));
    pair_let_go();
    CHECK(script_play("< FIN,ACK 1 101\n"
                      "> ACK 101 2\n"
                      "> FIN,ACK 101 2\n"
                      "< ACK 2 102\n"
                      "> FIN,ACK 101 2\n" /* our ACK was lost */
                      "< ACK 2 102\n"));
    CHECK(right.tcp->count == 1); /* TIME-WAIT */
    CHECK(time_sleep(59 * SECOND) == OK && right.tcp->count == 1);
    CHECK(time_sleep(3 * SECOND) == OK && right.tcp->count == 0);
}

/* RFC 9293, 3.10.5 */
TEST(an_abort_in_time_wait_sends_nothing)
{
    begin();
    CHECK(script_handshake("", 0, ""));
    flow_shutdown(pair_flow, FLOW_WRITING);
    CHECK(script_play("< FIN,ACK 1 101\n"
                      "> FIN,ACK 101 2\n"
                      "< ACK 2 102\n"));
    CHECK(pair_tcp()->state == TCP_TIMED_WAIT);
    flow_abort(pair_flow);
    CHECK(script_play("-\n"));
    CHECK(right.tcp->count == 0 && right.tcp->oldest == NULL);
}

TEST(time_wait_lasts_two_msl)
{
    begin();
    CHECK(script_handshake("", 0, ""));
    pair_let_go();
    CHECK(script_play("< FIN,ACK 1 101\n"
                      "> FIN,ACK 101 2\n"
                      "< ACK 2 102\n"));
    CHECK(time_sleep(59 * SECOND) == OK && right.tcp->count == 1);
    CHECK(time_sleep(3 * SECOND) == OK && right.tcp->count == 0);
}

TEST(a_repeated_fin_restarts_time_wait)
{
    begin();
    CHECK(script_handshake("", 0, ""));
    pair_let_go();
    CHECK(script_play("< FIN,ACK 1 101\n"
                      "> FIN,ACK 101 2\n"
                      "< ACK 2 102\n"
                      ". 40000\n"
                      "> FIN,ACK 101 2\n" /* our ACK was lost */
                      "< ACK 2 102\n"));
    CHECK(time_sleep(59 * SECOND) == OK && right.tcp->count == 1);
    CHECK(time_sleep(3 * SECOND) == OK && right.tcp->count == 0);
}

TEST(figure_13_simultaneous_close)
{
    begin();
    CHECK(script_play("> SYN 100\n"
                      "< SYN,ACK 0 101\n"
                      "> ACK 101 1\n"
                      ". 1\n"));
    pair_let_go();
    CHECK(script_play("< FIN,ACK 1 101\n"
                      "> FIN,ACK 101 1\n"
                      "< ACK 2 102\n"
                      "> ACK 102 2\n"
                      "-\n"));
    CHECK(right.tcp->count == 1 && right.tcp->oldest != NULL); /* TIME-WAIT */
    CHECK(time_sleep(62 * SECOND) == OK && right.tcp->count == 0);
}

TEST(a_syn_to_a_closed_port_is_reset)
{
    begin();
    script_port = 81;
    CHECK(script_play("> SYN 100\n"
                      "< RST,ACK =0 101\n"
                      "> FIN,ACK 100 =7\n"
                      "< RST =7\n"
                      "> RST 100\n"
                      "-\n"));
}

TEST(a_reset_is_accepted_only_at_rcv_nxt)
{
    begin();
    CHECK(script_play("> SYN 100\n"
                      "< SYN,ACK 0 101\n"
                      "> ACK 101 1\n"
                      "> RST 99\n"
                      "-\n"
                      "> RST 500\n"
                      "< ACK 1 101\n" /* RFC 5961: challenge ACK */
                      "> RST 101\n"
                      ". 1\n"));
    CHECK(right.tcp->count == 0);
}

static void open_without_deadline(void *ctx)
{
    struct endpoint to = {ipv4_address(10, 0, 0, 1), 4000};

    (void)ctx;
    script_opened = tcpv4_open(right.tcp, to, FOREVER, &script_flow);
}

TEST(our_syn_is_retransmitted_for_two_minutes)
{
    begin();
    script_opened = OK;
    CHECK(fiber_start(open_without_deadline, NULL) == OK);
    CHECK(script_play("< SYN 0\n"
                      "< SYN 0 after=1000\n"
                      "< SYN 0 after=2000\n"
                      "< SYN 0 after=4000\n"
                      "< SYN 0 after=8000\n"
                      "< SYN 0 after=16000\n"
                      "< SYN 0 after=32000\n"));
    CHECK(time_sleep(59 * SECOND) == OK);
    CHECK(script_opened == OK && right.tcp->count == 1);
    CHECK(time_sleep(2 * SECOND) == OK);
    CHECK(script_opened == ERR_TIMEOUT && right.tcp->count == 0);
}

TEST(out_of_order_segments_are_acknowledged_at_once_and_queued)
{
    begin();
    CHECK(script_play("> SYN 100\n"
                      "< SYN,ACK 0 101\n"
                      "> ACK 101 1\n"
                      "> ACK 201 1 +100\n"
                      "< ACK 1 101\n"
                      "> ACK 301 1 +100\n"
                      "< ACK 1 101\n"
                      "> ACK 101 1 +100\n"
                      "< ACK 1 401\n"));
}

TEST(data_with_an_ack_before_the_window_are_dropped)
{
    begin();
    CHECK(script_play("> SYN 100\n"
                      "< SYN,ACK 0 101\n"
                      "> ACK 101 1\n"
                      "> ACK 101 4000000000 +5\n"
                      "< ACK 1 101\n"
                      "> ACK 101 1 +5\n"
                      "< ACK 1 106\n"));
}

TEST(an_ack_at_the_edge_of_the_window_is_accepted)
{
    begin();
    CHECK(script_play("> SYN 100\n"
                      "< SYN,ACK 0 101\n"
                      "> ACK 101 1\n"
                      "> ACK 65636 1\n"
                      ". 100\n"
                      "> ACK 65637 1\n"
                      "< ACK 1 101\n"));
}
