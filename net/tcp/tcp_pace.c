/* SPDX-License-Identifier: ISC */
/*
 * Pacing: spreads a window over most of a round trip, since a burst may
 * overflow the queue of a router.
 */
#include "tcp.h"
#include <mirage/macros.h>

/*
 * The rate is 9/8 of cwnd per SRTT, so that cwnd stays the limit; in slow
 * start, where cwnd doubles, twice cwnd. Timers have a granularity of about a
 * millisecond: a credit of two of them, and of ten segments at least, may
 * accumulate, and RTTs of a few milliseconds are not paced.
 */

#define LEAST_TRIP (4 * MILLISECOND)
#define TICK       MILLISECOND
#define SAVED      10 /* segments */
#define LARGE      60000 /* bytes of a piece: do not wait for more */

/* Not during recovery, which PRR paces by ACKs (RFC 6937). min_rtt may be known
 * before the first sample of SRTT. */
static bool is_paced(const struct connection *c)
{
    return c->rack.min_rtt >= LEAST_TRIP && c->rtt.srtt > 0 &&
           c->recovery.phase < TCP_RECOVERY;
}

/* Bytes per SRTT. */
static uint64_t rate(const struct connection *c)
{
    return (uint64_t)c->cwnd * (c->cwnd < c->ssthresh ? 16 : 9) / 8;
}

/* The bytes that may be sent by now. */
static uint64_t credit(struct connection *c, nanoseconds now)
{
    nanoseconds saved = (uint64_t)SAVED * c->mss * c->rtt.srtt / rate(c) + 1;

    saved = max(saved, 2 * TICK);
    if (now > saved && c->pacing.paid_until < now - saved)
        c->pacing.paid_until = now - saved;
    return c->pacing.paid_until < now
               ? rate(c) * (now - c->pacing.paid_until) / c->rtt.srtt
               : 0;
}

uint32_t pacing_limit(struct connection *c, uint32_t len)
{
    nanoseconds now, enough;
    uint64_t may, least;

    if (!is_paced(c))
        return len;
    now = time_now();
    may = credit(c, now);
    if (len <= may)
        return len;
    least = rate(c) * TICK / c->rtt.srtt / 2;
    least = min(least, LARGE);
    least = max(least, c->mss);
    if (may >= least)
        return (uint32_t)may;
    enough = c->pacing.paid_until + least * c->rtt.srtt / rate(c) + 1;
    tcp_set_clock(c, TCP_PACE, max(enough, now));
    return 0;
}

void pacing_on_sent(struct connection *c, uint32_t len)
{
    nanoseconds trip_on;

    if (!is_paced(c))
        return;
    c->pacing.paid_until += len * c->rtt.srtt / rate(c);
    trip_on = time_after(c->rtt.srtt);
    c->pacing.paid_until = min(c->pacing.paid_until, trip_on);
}
