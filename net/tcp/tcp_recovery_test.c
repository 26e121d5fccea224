/* SPDX-License-Identifier: ISC */
/* Proportional rate reduction (RFC 6937, 3), by its formulas. */
#include "check.h"
#include "tcp_recovery.c"

static struct connection c;

/* In recovery with that many bytes in flight, of 10,000 when it began. */
static void begin(uint32_t pipe, uint32_t ssthresh)
{
    memset(&c, 0, sizeof c);
    c.mss = 1000;
    c.sack.permitted = true;
    c.sent.in_flight = pipe;
    c.ssthresh = ssthresh;
    c.prr.recover_fs = 10000;
    c.prr.out = 1000; /* the first retransmission */
    c.prr.delivered = 1000;
}

/* What may be sent after an ACK that delivers that many bytes. */
static uint32_t allowed(uint32_t delivered, bool is_new, bool is_more_lost)
{
    struct delivery d = {.bytes = delivered, .is_new = is_new};

    c.sent.lost = 2000;
    update_cwnd_by_prr(&c, &d, is_more_lost ? 1000 : 2000);
    return c.cwnd - c.sent.in_flight;
}

TEST(above_ssthresh_a_part_of_what_is_delivered_may_be_sent)
{
    begin(8000, 5000);
    CHECK(allowed(3000, false, false) == 1000); /* 4,000 / 2 - 1,000 */
    CHECK(c.prr.delivered == 4000);
    begin(8000, 7000);
    CHECK(allowed(1001, false, false) == 401); /* rounded up */
    begin(8000, 5000);
    c.prr.out = 9000; /* more than it should have been */
    CHECK(allowed(1000, true, false) == 0);
    c.prr.recover_fs = 0;
    CHECK(allowed(1000, true, false) > 0);
}

TEST(below_ssthresh_what_is_delivered_may_be_sent_and_a_segment_more)
{
    begin(3000, 8000);
    CHECK(allowed(2000, false, false) == 2000);
    begin(3000, 8000);
    CHECK(allowed(2000, true, false) == 3000); /* the ACK is of new data */
    begin(3000, 8000);
    CHECK(allowed(2000, true, true) == 2000); /* but more is lost */
    begin(3000, 8000);
    c.prr.delivered = 4000; /* what was not sent before */
    CHECK(allowed(1000, false, false) == 4000);
    begin(3000, 8000);
    c.prr.out = 9000; /* more than was delivered */
    CHECK(allowed(2000, false, false) == 2000);
}

TEST(no_more_may_be_sent_than_fills_ssthresh)
{
    begin(7500, 8000);
    CHECK(allowed(4000, true, false) == 500);
    begin(8000, 8000);
    CHECK(allowed(4000, true, false) == 0);
}

TEST(the_first_retransmission_is_sent_at_once)
{
    begin(8000, 1000);
    c.prr.out = c.prr.delivered = 0;
    CHECK(allowed(1, false, false) == 1000);
    /* Without SACK also that of a partial ACK (RFC 6582, 3.2). */
    begin(8000, 1000);
    c.sack.permitted = false;
    CHECK(allowed(1, true, false) == 1000);
    begin(8000, 1000);
    c.sack.permitted = false;
    CHECK(allowed(1, false, false) == 0);
    /* cwnd is a segment at least. */
    begin(0, 100);
    c.prr.out = 5000;
    CHECK(allowed(0, false, false) == 1000);
}
