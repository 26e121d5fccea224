/* SPDX-License-Identifier: ISC */
/*
 * Pacing: on a long way a window does not leave at one stroke, for which a
 * router's short queue has no room, but over most of a round trip.
 *
 * What is sent is paid for with time, at the window's bytes for a round trip
 * and an eighth more, so that it is the window in the end that limits; in slow
 * start, where it doubles in each, at twice the window's. Timers tick about
 * each millisecond: so two of them may be saved, and ten segments always, and
 * where a round trip is a few milliseconds there is nothing to pace.
 */
#include "tcp.h"

#define LEAST_TRIP (4 * MILLISECOND)
#define TICK       MILLISECOND
#define SAVED      10    /* segments */
#define LARGE      60000 /* bytes of a piece that it is not worth to wait for */

/* While something is repaired, what arrives sets the pace (RFC 6937). The least
 * round trip may be known of a segment that says nothing of the usual one. */
static bool is_paced(const struct connection *c)
{
    return c->rack.min_rtt >= LEAST_TRIP && c->rtt.srtt > 0 &&
           c->recovery.phase < TCP_RECOVERY;
}

/* Bytes for a round trip. */
static uint64_t pace(const struct connection *c)
{
    return (uint64_t)c->cwnd * (c->cwnd < c->ssthresh ? 16 : 9) / 8;
}

/* The bytes that the time until now is good for. */
static uint64_t credit(struct connection *c, nanoseconds now)
{
    nanoseconds saved = (uint64_t)SAVED * c->mss * c->rtt.srtt / pace(c) + 1;

    if (saved < 2 * TICK)
        saved = 2 * TICK;
    if (now > saved && c->pacing.paid_until < now - saved)
        c->pacing.paid_until = now - saved;
    return c->pacing.paid_until < now ? pace(c) * (now - c->pacing.paid_until) / c->rtt.srtt : 0;
}

uint32_t pacing_limit(struct connection *c, uint32_t len)
{
    nanoseconds now, enough;
    uint64_t    may, least;

    if (!is_paced(c))
        return len;
    now = time_now();
    may = credit(c, now);
    if (len <= may)
        return len;
    least = pace(c) * TICK / c->rtt.srtt / 2;
    if (least > LARGE)
        least = LARGE;
    if (least < c->mss)
        least = c->mss;
    if (may >= least)
        return (uint32_t)may;
    enough = c->pacing.paid_until + least * c->rtt.srtt / pace(c) + 1;
    tcp_set_clock(c, TCP_PACE, enough > now ? enough : now);
    return 0;
}

void pacing_on_sent(struct connection *c, uint32_t len)
{
    nanoseconds trip_on;

    if (!is_paced(c))
        return;
    c->pacing.paid_until += len * c->rtt.srtt / pace(c);
    trip_on = time_after(c->rtt.srtt);
    if (c->pacing.paid_until > trip_on)
        c->pacing.paid_until = trip_on;
}
