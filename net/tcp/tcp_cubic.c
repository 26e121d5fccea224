/* SPDX-License-Identifier: ISC */
/*
 * CUBIC (RFC 9438): after a loss the window comes back to where it was lost in
 * a time that does not depend on the round trip, stays there a while, and then
 * looks for more; and it is never smaller than Reno's would be.
 *
 * Bytes and milliseconds; what is less than a byte is kept for the next time,
 * or a large window would not grow.
 */
#include "tcp.h"

#define LONGEST 100000 /* ms from K that are told apart */

/* The largest whole number whose cube is not above n. */
static uint32_t cube_root(uint64_t n)
{
    uint64_t root = 0;

    for (int bit = 20; bit >= 0; bit--) {
        uint64_t more = root | (uint64_t)1 << bit;

        if (more * more * more <= n)
            root = more;
    }
    return (uint32_t)root;
}

static void begin_epoch(struct connection *c, nanoseconds now)
{
    struct tcp_cubic *u = &c->cubic;

    u->epoch_start = now;
    u->w_est = c->cwnd;
    u->cwnd_rest = u->w_est_rest = 0;
    u->k = 0;
    if (c->cwnd < u->w_max) /* 4.2: K, of C = 0.4 */
        u->k = cube_root((uint64_t)(u->w_max - c->cwnd) * 2500000000u /
                         c->mss);
    else
        u->w_max = c->cwnd;
}

/* RFC 9438, 4.2: W_cubic at ms after the epoch began. */
static uint32_t w_cubic(const struct connection *c, uint64_t ms)
{
    const struct tcp_cubic *u = &c->cubic;
    uint64_t                off = ms > u->k ? ms - u->k : u->k - ms, far;

    if (off > LONGEST)
        off = LONGEST;
    far = off * off * off / 1000 * c->mss * 2 / 5 / 1000000;
    if (ms >= u->k)
        return far < UINT32_MAX - u->w_max ? u->w_max + (uint32_t)far
                                           : UINT32_MAX;
    return far < u->w_max ? u->w_max - (uint32_t)far : 0;
}

/*
 * How many whole bytes come of acked ones, when each window of them is worth
 * numerator / denominator; what is left over stays in *rest.
 */
static uint32_t share(const struct connection *c, uint32_t acked,
                      uint64_t numerator, uint64_t denominator,
                      uint64_t *rest)
{
    uint64_t window = (uint64_t)c->cwnd * denominator, bytes;

    *rest += acked * numerator;
    bytes = *rest / window;
    *rest -= bytes * window;
    return (uint32_t)bytes;
}

/* 4.3: what Reno would have, whose factor is 0.7 as well: 9/17 of a segment
 * each round trip, and one when it is where the loss was. */
static void grow_as_reno(struct connection *c, uint32_t acked)
{
    struct tcp_cubic *u = &c->cubic;
    bool              is_back = u->w_est >= u->cwnd_prior;

    u->w_est += share(c, acked, c->mss * (is_back ? 17u : 9u), 17,
                      &u->w_est_rest);
}

static void acked(struct connection *c, uint32_t acked)
{
    struct tcp_cubic *u = &c->cubic;
    nanoseconds       now = time_now();
    uint32_t          target;

    if (!congestion_may_grow(c, acked)) {
        if (u->epoch_start) /* 5.8: that time does not count */
            u->epoch_start += now - u->last_ack;
        u->last_ack = now;
        return;
    }
    u->last_ack = now;
    acked = congestion_slow_start(c, acked);
    if (acked == 0)
        return;
    if (u->epoch_start == 0)
        begin_epoch(c, now);
    grow_as_reno(c, acked);
    if (w_cubic(c, (now - u->epoch_start) / MILLISECOND) < u->w_est) {
        if (c->cwnd < u->w_est)
            c->cwnd = u->w_est;
        return;
    }
    target = w_cubic(c, (now - u->epoch_start + c->rtt.srtt) / MILLISECOND);
    if (target > c->cwnd + c->cwnd / 2)
        target = c->cwnd + c->cwnd / 2;
    if (target > c->cwnd)
        c->cwnd += share(c, acked, target - c->cwnd, 1, &u->cwnd_rest);
}

static void lost(struct connection *c, uint32_t in_flight)
{
    struct tcp_cubic *u = &c->cubic;
    uint32_t          less = (uint32_t)((uint64_t)in_flight * 7 / 10);

    u->prior_w_max = u->w_max;
    u->prior_cwnd_prior = u->cwnd_prior;
    /* 4.7: there are others who want more now. */
    u->w_max = c->cwnd < u->w_max ? (uint32_t)((uint64_t)c->cwnd * 17 / 20)
                                  : c->cwnd;
    u->cwnd_prior = c->cwnd;
    u->epoch_start = 0;
    c->ssthresh = less > 2u * c->mss ? less : 2u * c->mss;
}

static void undo(struct connection *c)
{
    struct tcp_cubic *u = &c->cubic;

    u->w_max = u->prior_w_max;
    u->cwnd_prior = u->prior_cwnd_prior;
    u->epoch_start = 0;
}

/* 4.8: W_max is what the window is when slow start has ended, and K 0. */
static void expired(struct connection *c)
{
    c->cubic.w_max = 0;
    c->cubic.epoch_start = 0;
}

const struct tcp_congestion tcp_cubic = {
    .acked = acked,
    .lost = lost,
    .undo = undo,
    .expired = expired,
};
