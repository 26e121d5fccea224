/* SPDX-License-Identifier: ISC */
/*
 * Congestion control: NewReno (RFC 5681, with RFC 3465's byte counting), and
 * what all algorithms share.
 */
#include "tcp.h"
#include <mirage/macros.h>
#include <string.h>

/*
 * Congestion window validation (RFC 7661): a window of which less than half is
 * used does not grow, is not sent in one burst, and is halved after five
 * minutes.
 */

#define USED_FOR   SECOND /* RFC 7661, 4.2: or three round trips */
#define UNUSED_FOR (300 * SECOND) /* 4.4.2 */

/* RFC 6928, 2 */
static uint32_t first_window(const struct connection *c)
{
    uint32_t least = max(2u * c->mss, 14600);

    return min(10u * c->mss, least);
}

void congestion_begin(struct connection *c)
{
    memset(&c->cubic, 0, sizeof c->cubic);
    c->ssthresh = UINT32_MAX;
    c->cwnd = first_window(c);
}

/* RFC 7661, 4.4.3: ssthresh keeps most of a window that was not used. */
static void save_ssthresh(struct connection *c)
{
    uint32_t known = c->cwnd - c->cwnd / 4;

    c->ssthresh = max(c->ssthresh, known);
}

void congestion_restart(struct connection *c)
{
    uint32_t first = first_window(c);

    save_ssthresh(c);
    c->cwnd = min(c->cwnd, first);
    c->cwv.peak = c->cwv.prior_peak = 0;
    if (c->recovery.phase == TCP_REDUCED)
        c->recovery.phase = TCP_OPEN;
}

/* Records the most bytes in flight. */
void congestion_on_sent(struct connection *c, nanoseconds now)
{
    uint32_t out = tcp_in_flight(c);
    nanoseconds period =
        max(3 * c->rtt.srtt, USED_FOR);

    if (now - c->cwv.peak_since >= period) {
        c->cwv.prior_peak =
            now - c->cwv.peak_since < 2 * period ? c->cwv.peak : 0;
        c->cwv.peak = 0;
        c->cwv.peak_since = now;
    }
    if (out > c->cwv.peak)
        c->cwv.peak = out;
}

static uint32_t peak(const struct connection *c)
{
    return max(c->cwv.peak, c->cwv.prior_peak);
}

/* RFC 7661, 4.4 */
uint32_t congestion_burst(struct connection *c)
{
    nanoseconds now = time_now();
    uint32_t known = peak(c), out = tcp_in_flight(c);

    if (known >= c->cwnd / 2) {
        c->cwv.unused_since = 0;
        return UINT32_MAX;
    }
    if (c->cwv.unused_since == 0)
        c->cwv.unused_since = now;
    if (now - c->cwv.unused_since >= UNUSED_FOR && c->cwnd > first_window(c)) {
        c->cwv.unused_since = now;
        save_ssthresh(c);
        c->cwnd /= 2;
        c->cwnd = max(c->cwnd, first_window(c));
    }
    /* The recent peak may be in flight again, plus an initial window. */
    return first_window(c) + (known > out ? known - out : 0);
}

bool congestion_may_grow(const struct connection *c, uint32_t acked)
{
    return tcp_in_flight(c) + acked + c->mss >= c->cwnd / 2 &&
           c->cwnd <= 2 * TCP_QUEUE_MOST;
}

/* RFC 5681, 3.1 */
uint32_t congestion_slow_start(struct connection *c, uint32_t acked)
{
    uint32_t room = c->ssthresh > c->cwnd ? c->ssthresh - c->cwnd : 0;
    uint32_t more = min(acked, room);

    c->cwnd += more;
    return acked - more;
}

static void newreno_acked(struct connection *c, uint32_t acked)
{
    if (!congestion_may_grow(c, acked) ||
        (acked = congestion_slow_start(c, acked)) == 0)
        return;
    c->newreno.bytes_acked += acked;
    if (c->newreno.bytes_acked >= c->cwnd) {
        c->newreno.bytes_acked -= c->cwnd;
        c->cwnd += c->mss;
    }
}

static void newreno_lost(struct connection *c, uint32_t in_flight)
{
    c->ssthresh = max(in_flight / 2, 2u * c->mss);
    c->newreno.bytes_acked = 0;
}

static void newreno_begin(struct connection *c)
{
    c->newreno.bytes_acked = 0;
}

const struct tcp_congestion tcp_newreno = {
    .acked = newreno_acked,
    .lost = newreno_lost,
    .undo = newreno_begin,
    .expired = newreno_begin,
};
