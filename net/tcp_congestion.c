/* SPDX-License-Identifier: ISC */
/*
 * NewReno: slow start and congestion avoidance (RFC 5681), in bytes (RFC 3465),
 * from a first window of ten segments (RFC 6928).
 */
#include "tcp.h"

static void begin(struct connection *c)
{
    uint32_t least = 2u * c->mss, first = 10u * c->mss;

    if (least < 14600)
        least = 14600;
    if (first > least)
        first = least;
    if (c->ssthresh == 0)
        c->ssthresh = UINT32_MAX;
    if (c->cwnd == 0 || c->cwnd > first)
        c->cwnd = first;
    c->control.counted = 0;
}

/* What a window was not used for does not make it grow. */
static bool is_used(const struct connection *c, uint32_t acked)
{
    return tcp_in_flight(c) + acked + c->mss >= c->cwnd / 2;
}

static void acked(struct connection *c, uint32_t bytes)
{
    if (!is_used(c, bytes) || c->cwnd > 2 * TCP_QUEUE_MOST)
        return;
    if (c->cwnd < c->ssthresh) {
        c->cwnd += bytes;
        return;
    }
    c->control.counted += bytes;
    if (c->control.counted >= c->cwnd) {
        c->control.counted -= c->cwnd;
        c->cwnd += c->mss;
    }
}

static void lost(struct connection *c, uint32_t in_flight)
{
    c->ssthresh = in_flight / 2 > 2u * c->mss ? in_flight / 2 : 2u * c->mss;
    c->control.counted = 0;
}

static void undo(struct connection *c)
{
    c->control.counted = 0;
}

const struct congestion tcp_newreno = {
    .name = "newreno",
    .begin = begin,
    .acked = acked,
    .lost = lost,
    .undo = undo,
};
