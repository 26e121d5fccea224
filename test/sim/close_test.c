/* SPDX-License-Identifier: ISC */
/*
 * CLOSE (RFC 9293, 3.10.4 and 3.6.1): data loss is signalled by a reset, a
 * connection in SYN-SENT is deleted, and flow_finish loses no data.
 */
#include "check.h"
#include "pair.h"
#include "script.h"
#include <string.h>

static uint8_t data[10000];

static void begin(void)
{
    script_restart(31);
}

static void open_plain(void)
{
    begin();
    CHECK(script_handshake("", 0, ""));
}

static bool is_gone(void)
{
    return right.tcp->count == 0;
}

static struct flow *flow;

static void take_flow(void *ctx, struct flow *f, struct endpoint peer)
{
    (void)ctx, (void)peer;
    flow = f;
}

/* The same without a handler, so that the test closes the flow. */
static void open_ours(void)
{
    begin();
    CHECK(tcpv4_listen_events(right.tcp, 80, take_flow, NULL) == OK);
    CHECK(script_play("> SYN 100 mss=1000\n"
                      "< SYN,ACK 0 101\n"
                      "> ACK 101 1\n"
                      ". 1\n") &&
          flow != NULL);
    pair_listen(80);
}

/* Unread data: SHLD-3. */

TEST(a_close_with_unread_data_sends_a_reset)
{
    open_plain();
    CHECK(script_play("> ACK 101 1 +10\n"
                      "< ACK 1 111\n"));
    pair_let_go();
    CHECK(script_play("< RST 1\n"
                      "-\n"));
    CHECK(is_gone());
}

TEST(a_close_with_unread_data_drops_the_send_queue)
{
    open_plain();
    CHECK(flow_write(pair_flow, data, 500, FOREVER) == OK);
    CHECK(script_play("< ACK 1 101 +500\n"
                      "> ACK 101 1 +10\n"
                      "< ACK 501 111\n"));
    pair_let_go();
    CHECK(script_play("< RST 501\n"
                      "-\n"));
    CHECK(is_gone());
}

TEST(a_close_with_unread_data_after_the_peers_fin_sends_a_reset)
{
    open_plain();
    CHECK(script_play("> FIN,ACK 101 1 +10\n"
                      "< ACK 1 112\n"));
    pair_let_go();
    CHECK(script_play("< RST 1\n"
                      "-\n"));
    CHECK(is_gone());
}

TEST(a_close_with_unread_data_after_our_fin_sends_a_reset)
{
    open_plain();
    flow_shutdown(pair_flow, FLOW_WRITING);
    CHECK(script_play("< FIN,ACK 1 101\n"
                      "> ACK 101 2 +10\n"
                      "< ACK 2 111\n"));
    pair_let_go();
    CHECK(script_play("< RST 2\n"
                      "-\n"));
    CHECK(is_gone());
}

TEST(a_close_with_unread_data_in_time_wait_sends_no_reset)
{
    open_plain();
    flow_shutdown(pair_flow, FLOW_WRITING);
    CHECK(script_play("< FIN,ACK 1 101\n"
                      "> FIN,ACK 101 2 +10\n"
                      "< ACK 2 112\n"));
    pair_let_go();
    CHECK(script_play("-\n"));
    CHECK(right.tcp->count == 1);
}

TEST(after_a_close_with_out_of_order_data_the_filled_hole_causes_a_reset)
{
    open_plain();
    CHECK(script_play("> ACK 111 1 +10\n"
                      "< ACK 1 101\n"));
    pair_let_go();
    CHECK(script_play("< FIN,ACK 1 101\n"
                      "> ACK 101 2 +10\n"
                      "< RST 2\n"
                      "-\n"));
    CHECK(is_gone());
}

TEST(a_close_with_all_data_read_sends_a_fin)
{
    struct buf *b = NULL;

    open_plain();
    CHECK(script_play("> ACK 101 1 +10\n"
                      "< ACK 1 111\n"));
    CHECK(flow_read(pair_flow, &b, 0) == OK);
    buf_free(b);
    pair_let_go();
    CHECK(script_play("< FIN,ACK 1 111\n"
                      "> FIN,ACK 111 2\n"
                      "< ACK 2 112\n"
                      "-\n"));
}

TEST(data_dropped_by_a_shutdown_cause_no_reset_at_close)
{
    open_plain();
    CHECK(script_play("> ACK 101 1 +10\n"
                      "< ACK 1 111\n"));
    flow_shutdown(pair_flow, FLOW_READING);
    CHECK(script_play("> ACK 111 1 +10\n"
                      "< ACK 1 121\n"));
    pair_let_go();
    CHECK(script_play("< FIN,ACK 1 121\n"
                      "> FIN,ACK 121 2\n"
                      "< ACK 2 122\n"));
}

/* New data after CLOSE. */

TEST(data_after_a_close_are_reset_before_our_fin_is_acknowledged)
{
    open_plain();
    pair_let_go();
    CHECK(script_play("< FIN,ACK 1 101\n"
                      "> ACK 101 1 +10\n"
                      "< RST 1\n"
                      "-\n"));
    CHECK(is_gone());
}

TEST(data_after_a_close_are_reset_after_our_fin_is_acknowledged)
{
    open_plain();
    pair_let_go();
    CHECK(script_play("< FIN,ACK 1 101\n"
                      "> ACK 101 2\n"
                      ". 100\n"
                      "> ACK 101 2 +10\n"
                      "< RST 2\n"
                      "-\n"));
    CHECK(is_gone());
}

TEST(data_after_a_close_are_reset_beyond_a_hole_and_with_a_fin)
{
    open_plain();
    pair_let_go();
    CHECK(script_play("< FIN,ACK 1 101\n"
                      "> FIN,ACK 201 2 +10\n"
                      "< RST 2\n"
                      "-\n"));
    CHECK(is_gone());
}

TEST(data_after_a_close_are_reset_while_ours_wait_for_a_window)
{
    begin();
    CHECK(script_play("> SYN 100 mss=1000 win=500\n"
                      "< SYN,ACK 0 101\n"
                      "> ACK 101 1 win=500\n"
                      ". 1\n"));
    CHECK(flow_write(pair_flow, data, 2000, FOREVER) == OK);
    CHECK(script_play("< ACK 1 101 +500\n"));
    pair_let_go(); /* the FIN waits after 1,500 bytes */
    CHECK(script_play(". 1\n"
                      "> ACK 101 501 +10 win=0\n"
                      "< RST 501\n"
                      "-\n"));
    CHECK(is_gone());
}

TEST(duplicate_data_after_a_close_are_acknowledged)
{
    struct buf *b = NULL;

    open_plain();
    CHECK(script_play("> ACK 101 1 +10\n"
                      "< ACK 1 111\n"));
    CHECK(flow_read(pair_flow, &b, 0) == OK);
    buf_free(b);
    pair_let_go();
    CHECK(script_play("< FIN,ACK 1 111\n"
                      "> ACK 101 2 +10\n"
                      "< ACK 2 111\n"
                      "> FIN,ACK 111 2\n"
                      "< ACK 2 112\n"));
}

TEST(data_after_both_directions_were_shut_are_reset)
{
    open_plain();
    flow_shutdown(pair_flow, FLOW_READING | FLOW_WRITING);
    CHECK(script_play("< FIN,ACK 1 101\n"
                      "> ACK 101 2 +10\n"
                      "< RST 2\n"
                      "-\n"));
    CHECK(is_gone());
    CHECK(flow_write(pair_flow, data, 1, FOREVER) == ERR_RESET);
}

/* CLOSE before ESTABLISHED. */

static void note_event(void *ctx, struct flow *f, unsigned events)
{
    (void)f;
    *(unsigned *)ctx |= events;
}

static struct flow *begin_opening(unsigned *events)
{
    struct endpoint to = {ipv4_address(10, 0, 0, 1), 4000};
    struct flow *f = NULL;

    begin();
    *events = 0;
    CHECK(tcpv4_begin(right.tcp, to, note_event, events, &f) == OK);
    CHECK(script_play("< SYN 0\n"));
    return f;
}

TEST(a_close_in_syn_sent_deletes_the_connection_silently)
{
    unsigned events;
    struct flow *f = begin_opening(&events);

    flow_close(f);
    CHECK(is_gone());
    CHECK(script_play("-\n-\n-\n-\n")); /* the SYN is not retransmitted */
    CHECK(script_play("> SYN,ACK 100 1\n"
                      "< RST 1\n"
                      "-\n"));
    CHECK(is_gone() && events == 0);
}

TEST(a_close_in_syn_sent_drops_written_data)
{
    unsigned events;
    struct flow *f = begin_opening(&events);

    CHECK(flow_write(f, data, 100, FOREVER) == OK);
    flow_close(f);
    CHECK(is_gone());
    CHECK(script_play("> SYN,ACK 100 1\n"
                      "< RST 1\n"
                      "-\n"));
    CHECK(buf_pages_free() == buf_pages());
}

TEST(an_abort_in_syn_sent_sends_nothing)
{
    unsigned events;
    struct flow *f = begin_opening(&events);

    flow_abort(f);
    CHECK(is_gone());
    CHECK(script_play("-\n"));
    flow_close(f);
}

TEST(a_shutdown_in_syn_sent_sends_written_data_and_then_fin)
{
    unsigned events;
    struct flow *f = begin_opening(&events);

    CHECK(flow_write(f, data, 100, FOREVER) == OK);
    flow_shutdown(f, FLOW_WRITING);
    CHECK(script_play("> SYN,ACK 100 1\n"
                      "< FIN,ACK 1 101 +100\n"
                      "> FIN,ACK 101 102\n"
                      "< ACK 102 102\n"));
    flow_close(f);
}

TEST(a_close_in_a_simultaneous_open_sends_a_fin)
{
    unsigned events;
    struct flow *f = begin_opening(&events);

    CHECK(script_play("> SYN 100\n"
                      "< SYN,ACK 0 101\n"));
    flow_close(f);
    CHECK(script_play("> SYN,ACK 100 1\n"
                      "< FIN,ACK 1 101\n"
                      "> FIN,ACK 101 2\n"
                      "< ACK 2 102\n"));
}

TEST(a_close_with_unread_data_of_a_syn_sends_a_reset_once_established)
{
    unsigned events;
    struct flow *f = begin_opening(&events);

    CHECK(script_play("> SYN 100 +10\n"
                      "< SYN,ACK 0 101\n"));
    flow_close(f);
    CHECK(script_play("> ACK 111 1\n"
                      "< RST 1\n"
                      "-\n"));
    CHECK(is_gone() && buf_pages_free() == buf_pages());
}

static enum status opened;

static void open_for_a_while(void *ctx)
{
    struct endpoint to = {ipv4_address(10, 0, 0, 1), 4000};
    struct flow *f;

    (void)ctx;
    opened = tcpv4_open(right.tcp, to, time_after(SECOND / 2), &f);
}

TEST(an_open_cancelled_in_syn_received_resets_the_peer)
{
    begin();
    CHECK(fiber_start(open_for_a_while, NULL) == OK);
    CHECK(script_play("< SYN 0\n"
                      "> SYN 100\n"
                      "< SYN,ACK 0 101\n"
                      "< RST,ACK 1 101\n"
                      "-\n"));
    CHECK(opened == ERR_TIMEOUT && is_gone());
}

/* flow_finish */

static enum status finished;
static nanoseconds finished_at;

static void finish_it(void *f)
{
    finished = flow_finish(f, time_after(SECOND / 2));
    finished_at = time_now();
}

TEST(flow_finish_reads_until_the_peers_fin_so_that_written_data_arrive)
{
    open_ours();
    CHECK(flow_write(flow, data, 100, FOREVER) == OK);
    finished = ERR_IN_USE;
    CHECK(fiber_start(finish_it, flow) == OK);
    CHECK(script_play("< ACK 1 101 +100\n"
                      "< FIN,ACK 101 101\n"
                      "> ACK 101 1 +1000\n"
                      "< ACK 102 1101\n"
                      "> ACK 1101 102 +1000\n"
                      "< ACK 102 2101\n"
                      "> FIN,ACK 2101 102 +1000\n"
                      "< ACK 102 3102\n"
                      "-\n"));
    CHECK(finished == OK && right.tcp->count == 1); /* in TIME-WAIT */
    CHECK(buf_pages_free() == buf_pages());
}

TEST(flow_finish_returns_at_its_deadline_and_later_data_are_reset)
{
    nanoseconds began;

    open_ours();
    began = time_now();
    CHECK(fiber_start(finish_it, flow) == OK);
    CHECK(script_play("< FIN,ACK 1 101\n"
                      "> ACK 101 2 +1000\n"
                      "< ACK 2 1101\n"
                      ". 600\n"));
    CHECK(finished == ERR_TIMEOUT);
    CHECK(finished_at - began >= SECOND / 2 &&
          finished_at - began < SECOND / 2 + 10 * MILLISECOND);
    CHECK(script_play("> ACK 1101 2 +1000\n"
                      "< RST 2\n"
                      "-\n"));
    CHECK(is_gone());
}

TEST(flow_finish_reports_a_reset_and_frees_the_flow)
{
    open_ours();
    CHECK(fiber_start(finish_it, flow) == OK);
    CHECK(script_play("< FIN,ACK 1 101\n"
                      "> RST 101\n"
                      "-\n"));
    CHECK(finished == ERR_RESET && is_gone());
}

static void handle(void *ctx, struct flow *f, struct endpoint peer)
{
    (void)ctx, (void)peer;
    finished = flow_finish(f, time_after(SECOND / 2));
    CHECK(flow_finish(f, time_after(SECOND / 2)) == OK); /* and again */
}

TEST(flow_finish_in_a_handler_leaves_the_flow_to_the_stack)
{
    begin();
    finished = ERR_IN_USE;
    CHECK(tcpv4_listen(right.tcp, 80, handle, NULL) == OK);
    CHECK(script_play("> SYN 100 mss=1000\n"
                      "< SYN,ACK 0 101\n"
                      "> ACK 101 1\n"
                      "< FIN,ACK 1 101\n"
                      "> FIN,ACK 101 2 +10\n"
                      "< ACK 2 112\n"));
    CHECK(finished == OK && right.tcp->count == 1);
    pair_listen(80);
}

TEST(invariants_held_whenever_a_frame_was_sent)
{
    begin();
    tcpv4_reset(right.tcp, ERR_GONE);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(pair_checks > 100 && pair_failures == 0);
    CHECK(buf_pages_free() == buf_pages());
}
