/* SPDX-License-Identifier: ISC */
/*
 * CUBIC congestion control (RFC 9438), in bytes and milliseconds. After a loss
 * the window returns to w_max in a time that is independent of the RTT; it is
 * never smaller than Reno's. Growth of less than a byte is accumulated, or a
 * large window would not grow.
 */
#include "tcp.h"
#include <mirage/macros.h>

#define LONGEST 100000 /* the largest |t - K|, in ms */

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
    uint64_t off = ms > u->k ? ms - u->k : u->k - ms, far;

    off = min(off, LONGEST);
    far = off * off * off / 1000 * c->mss * 2 / 5 / 1000000;
    if (ms >= u->k)
        return far < UINT32_MAX - u->w_max ? u->w_max + (uint32_t)far
                                           : UINT32_MAX;
    return far < u->w_max ? u->w_max - (uint32_t)far : 0;
}

/*
 * The whole bytes by which a window grows for acked bytes, if it grows by
 * numerator / denominator for a whole window. *rest keeps the remainder.
 */
static uint32_t growth_for(const struct connection *c, uint32_t acked,
                           uint64_t numerator, uint64_t denominator,
                           uint64_t *rest)
{
    uint64_t window = (uint64_t)c->cwnd * denominator, bytes;

    *rest += acked * numerator;
    bytes = *rest / window;
    *rest -= bytes * window;
    return (uint32_t)bytes;
}

/* 4.3: W_est, the window of Reno with the same beta 0.7: it grows by 9/17
 * segments per round trip, and by one above cwnd_prior. */
static void grow_as_reno(struct connection *c, uint32_t acked)
{
    struct tcp_cubic *u = &c->cubic;
    bool is_back = u->w_est >= u->cwnd_prior;

    u->w_est += growth_for(c, acked, c->mss * (is_back ? 17u : 9u), 17,
                           &u->w_est_rest);
}

static void acked(struct connection *c, uint32_t acked)
{
    struct tcp_cubic *u = &c->cubic;
    nanoseconds now = time_now();
    uint32_t target;

    if (!congestion_may_grow(c, acked)) {
        if (u->epoch_start) /* 5.8: application-limited time does not count */
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
        c->cwnd = max(c->cwnd, u->w_est);
        return;
    }
    target = w_cubic(c, (now - u->epoch_start + c->rtt.srtt) / MILLISECOND);
    target = min(target, c->cwnd + c->cwnd / 2);
    if (target > c->cwnd)
        c->cwnd += growth_for(c, acked, target - c->cwnd, 1, &u->cwnd_rest);
}

static void lost(struct connection *c, uint32_t in_flight)
{
    struct tcp_cubic *u = &c->cubic;
    uint32_t less = (uint32_t)((uint64_t)in_flight * 7 / 10);

    u->prior_w_max = u->w_max;
    u->prior_cwnd_prior = u->cwnd_prior;
    /* 4.7: fast convergence */
    u->w_max = c->cwnd < u->w_max ? (uint32_t)((uint64_t)c->cwnd * 17 / 20)
                                  : c->cwnd;
    u->cwnd_prior = c->cwnd;
    u->epoch_start = 0;
    c->ssthresh = max(less, 2u * c->mss);
}

static void undo(struct connection *c)
{
    struct tcp_cubic *u = &c->cubic;

    u->w_max = u->prior_w_max;
    u->cwnd_prior = u->prior_cwnd_prior;
    u->epoch_start = 0;
}

/* 4.8: W_max is set when slow start ends, with K 0. */
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
