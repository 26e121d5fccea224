/* SPDX-License-Identifier: ISC */
/*
 * What the path says: that it is congested (RFC 3168), how long packets may be
 * (RFC 1191, RFC 4821), and that somebody cannot be reached.
 */
#include "check.h"
#include "pair.h"
#include "script.h"
#include <mirage/bytes.h>
#include <string.h>

static struct flow   *flow; /* of the connection that was accepted */
static bool           let_go;
static struct waiters letting;
static uint8_t        data[200000];

static void hold(void *ctx, struct flow *f, struct endpoint peer)
{
    (void)ctx;
    (void)peer;
    flow = f;
    while (!let_go)
        if (wait_until(&letting, FOREVER) != OK)
            break;
    flow = NULL;
}

static struct connection *ours(void)
{
    return (void *)flow;
}

static void begin(void)
{
    static bool is_made;

    if (!is_made) {
        sim_seed(5);
        pair_make(1500, 0);
        pair_watch();
        CHECK(tcpv4_listen(right.tcp, 80, hold, NULL) == OK);
        is_made = true;
    }
    let_go = true;
    wake_all(&letting);
    tcpv4_reset(right.tcp, ERR_GONE);
    CHECK(time_sleep(SECOND) == OK);
    let_go = false;
    tcpv4_set_ecn(right.tcp, TCPV4_ECN_ANSWER);
    script_begin();
}

static void write_bytes(size_t len)
{
    CHECK(flow_write(flow, data, len, FOREVER) == OK);
}

/* Opens a connection to the script, in a fiber. */
static enum status  opened;
static struct flow *opened_flow;

static void open_one(void *ctx)
{
    struct endpoint to = {ipv4_address(10, 0, 0, 1), 4000};

    (void)ctx;
    opened_flow = NULL;
    opened = tcpv4_open(right.tcp, to, time_after(100 * SECOND), &opened_flow);
}

/* ECN */

TEST(marks_are_for_those_who_ask)
{
    begin();
    CHECK(script_play("> SYN,ECE,CWR 100 mss=1000\n"
                      "< SYN,ACK,ECE 0 101 noect\n"
                      "> ACK 101 1\n"
                      ". 1\n"));
    write_bytes(1000);
    CHECK(script_play("< ACK 1 101 +1000 ect\n"));
    begin();
    CHECK(script_play("> SYN 100 mss=1000\n"
                      "< SYN,ACK 0 101 noect\n"
                      "> ACK 101 1\n"
                      ". 1\n"));
    write_bytes(1000);
    CHECK(script_play("< ACK 1 101 +1000 noect\n"));
    begin();
    tcpv4_set_ecn(right.tcp, TCPV4_ECN_NEVER);
    CHECK(script_play("> SYN,ECE,CWR 100 mss=1000\n"
                      "< SYN,ACK 0 101 noect\n"));
}

TEST(a_mark_is_echoed_until_the_sender_has_slowed_down)
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

TEST(an_echo_slows_us_down_once_in_a_round_trip)
{
    uint32_t ssthresh;

    begin();
    CHECK(script_play("> SYN,ECE,CWR 100 mss=1000\n"
                      "< SYN,ACK,ECE 0 101\n"
                      ". 100\n"
                      "> ACK 101 1\n"
                      ". 1\n"));
    write_bytes(40000);
    CHECK(script_play("< ACK 1 101 +1000 x10\n"
                      ". 100\n"
                      "> ACK,ECE 101 2001\n"
                      "< ACK,CWR 10001 101 +1000 ect\n"
                      "> ACK,ECE 101 4001\n"));
    CHECK(time_sleep(MILLISECOND) == OK);
    ssthresh = ours()->ssthresh;
    CHECK(ssthresh == 7000 && ours()->recovery == TCP_REDUCED);
    CHECK(right.tcp->counters.marks_echoed == 1);
    CHECK(script_play("> ACK,ECE 101 10001\n"
                      ". 1\n"));
    CHECK(ours()->ssthresh == ssthresh);
    CHECK(script_play("> ACK,ECE 101 11001\n" /* the next round trip */
                      ". 1\n"));
    CHECK(ours()->ssthresh < ssthresh);
    CHECK(right.tcp->counters.marks_echoed >= 2);
}

TEST(who_asks_does_without_if_it_seems_that_the_syn_was_dropped_for_it)
{
    begin();
    tcpv4_set_ecn(right.tcp, TCPV4_ECN_ASK);
    CHECK(fiber_start(open_one, NULL) == OK);
    CHECK(script_play("< SYN,ECE,CWR 0 noect\n"
                      "> SYN,ACK,ECE 300 1 mss=1000\n"
                      "< ACK 1 301 noect\n"));
    CHECK(opened == OK && flow_write(opened_flow, data, 1000, FOREVER) == OK);
    CHECK(script_play("< ACK 1 301 +1000 ect\n"));
    flow_abort(opened_flow);
    flow_close(opened_flow);
    begin();
    tcpv4_set_ecn(right.tcp, TCPV4_ECN_ASK);
    CHECK(fiber_start(open_one, NULL) == OK);
    CHECK(script_play("< SYN,ECE,CWR 0\n"
                      ". 500\n"
                      "< SYN 0\n"
                      "> SYN,ACK,ECE 300 1 mss=1000\n"
                      "< ACK 1 301\n"));
    CHECK(opened == OK && flow_write(opened_flow, data, 1000, FOREVER) == OK);
    CHECK(script_play("< ACK 1 301 +1000 noect\n"));
    flow_abort(opened_flow);
    flow_close(opened_flow);
}

TEST(what_is_sent_again_cannot_be_marked)
{
    begin();
    CHECK(script_play("> SYN,ECE,CWR 100 mss=1000 sackok\n"
                      "< SYN,ACK,ECE 0 101\n"
                      "> ACK 101 1\n"
                      ". 1\n"));
    write_bytes(10000);
    CHECK(script_play("< ACK 1 101 +1000 x10 ect\n"
                      "> ACK 101 1 sack=1001:6001\n"
                      "< ACK 1 101 +1000 noect\n"));
}

TEST(at_every_moment_all_was_as_it_must_be)
{
    CHECK(pair_wrong == 0 && pair_looked > 10);
}
