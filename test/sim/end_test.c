/* SPDX-License-Identifier: ISC */
/*
 * The end of an image: each peer of the direct stack gets our FIN, or a reset,
 * before the deadline.
 */
#include "check.h"
#include "pair.h"
#include "script.h"

#define DRAIN (3 * SECOND)

static uint8_t data[5000];
static enum status drained;
static nanoseconds began, ended;

static void begin(void)
{
    if (right.tcp)
        right.tcp->is_ending = false;
    script_restart(34);
}

static void open_plain(void)
{
    begin();
    CHECK(script_handshake("", 0, ""));
}

static void drain(void *ctx)
{
    (void)ctx;
    drained = ERR_IN_USE;
    began = time_now();
    drained = tcpv4_drain(right.tcp, time_after(DRAIN));
    ended = time_now();
}

static void end_image(void)
{
    CHECK(fiber_start(drain, NULL) == OK);
}

static bool has_ended(enum status how, nanoseconds least, nanoseconds most)
{
    if (ended < began || drained != how || ended - began < least ||
        ended - began > most)
        printf("drained %d, %llu ms\n", drained,
               (unsigned long long)((ended - began) / MILLISECOND));
    return ended >= began && drained == how && ended - began >= least &&
           ended - began <= most;
}

TEST(at_the_end_an_idle_peer_gets_our_fin_and_its_fin_ends_the_wait)
{
    open_plain();
    end_image();
    CHECK(script_play("< FIN,ACK 1 101\n"
                      "> FIN,ACK 101 2\n"
                      "< ACK 2 102\n"
                      "-\n"));
    CHECK(has_ended(OK, 0, 50 * MILLISECOND));
}

TEST(at_the_end_a_peer_that_only_acknowledges_our_fin_is_reset)
{
    open_plain();
    end_image();
    CHECK(script_play("< FIN,ACK 1 101\n"
                      "> ACK 101 2\n"
                      "< RST 2\n"
                      "-\n"));
    CHECK(has_ended(OK, 0, 500 * MILLISECOND));
}

TEST(at_the_end_a_silent_peer_is_reset_before_the_deadline)
{
    open_plain();
    end_image();
    CHECK(script_play("< FIN,ACK 1 101\n"
                      "< FIN,ACK 1 101 after=200\n"
                      "< FIN,ACK 1 101 after=400\n"
                      "< FIN,ACK 1 101 after=800\n"
                      "< RST 2 after=1230\n"
                      ". 1000\n"));
    CHECK(has_ended(ERR_TIMEOUT, 2 * SECOND, DRAIN));
    CHECK(right.tcp->count == 0);
}

TEST(at_the_end_written_data_precede_the_fin)
{
    open_plain();
    CHECK(flow_write(pair_flow, data, 5000, FOREVER) == OK);
    end_image();
    CHECK(script_play("< ACK 1 101 +1000 x4\n"
                      "< ACK 4001 101 +1000\n"
                      "< FIN,ACK 5001 101\n"
                      ". 500\n"
                      "~\n"
                      "> ACK 101 5001\n"
                      "> FIN,ACK 101 5002\n"
                      "< ACK 5002 102\n"
                      ". 100\n"));
    CHECK(has_ended(OK, 500 * MILLISECOND, 600 * MILLISECOND));
}

TEST(at_the_end_a_peer_with_unread_data_is_reset_at_once)
{
    open_plain();
    CHECK(script_play("> ACK 101 1 +10\n"
                      "< ACK 1 111\n"));
    end_image();
    CHECK(script_play("< RST 1\n"
                      "-\n"));
    CHECK(has_ended(OK, 0, 50 * MILLISECOND));
}

TEST(at_the_end_a_peer_that_goes_on_sending_is_reset)
{
    open_plain();
    end_image();
    CHECK(script_play("< FIN,ACK 1 101\n"
                      "> ACK 101 2 +10\n"
                      "< RST 2\n"
                      "-\n"));
    CHECK(has_ended(OK, 0, 50 * MILLISECOND));
}

TEST(at_the_end_a_peer_in_fin_wait_2_gets_our_fin)
{
    open_plain();
    CHECK(script_play("> FIN,ACK 101 1\n"
                      "< ACK 1 102\n"));
    end_image();
    CHECK(script_play("< FIN,ACK 1 102\n"
                      "> ACK 102 2\n"
                      "-\n"));
    CHECK(has_ended(OK, 0, 50 * MILLISECOND));
}

TEST(at_the_end_a_half_open_connection_is_reset)
{
    begin();
    CHECK(script_play("> SYN 100 mss=1000\n"
                      "< SYN,ACK 0 101\n"));
    end_image();
    CHECK(script_play("< RST,ACK 1 101\n"
                      "-\n"));
    CHECK(has_ended(OK, 0, 50 * MILLISECOND));
}

TEST(at_the_end_a_connection_in_syn_sent_is_deleted_silently)
{
    begin();
    script_open();
    CHECK(script_play("< SYN 0\n"));
    end_image();
    CHECK(script_play("-\n"));
    CHECK(script_opened == ERR_GONE);
    CHECK(has_ended(OK, 0, 50 * MILLISECOND));
}

TEST(at_the_end_new_connections_are_refused)
{
    begin();
    end_image();
    CHECK(script_play(". 1\n"
                      "> SYN 100 mss=1000\n"
                      "< RST,ACK =0 101\n"
                      "-\n"));
}

TEST(at_the_end_a_handler_that_reads_does_not_see_the_end_of_stream)
{
    struct flow *f;
    struct buf *b;

    open_plain();
    f = pair_flow;
    end_image();
    CHECK(script_play("< FIN,ACK 1 101\n"));
    CHECK(flow_write(f, data, 1, 0) == ERR_EOF);
    CHECK(flow_read(f, &b, 0) == ERR_EOF); /* but a SYN is */
    CHECK(script_play("> FIN,ACK 101 2\n"
                      "< ACK 2 102\n"));
}

TEST(invariants_held_whenever_a_frame_was_sent)
{
    begin();
    tcpv4_reset(right.tcp, ERR_GONE);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(pair_checks > 20 && pair_failures == 0);
    CHECK(buf_pages_free() == buf_pages());
}
