/* SPDX-License-Identifier: ISC */
/*
 * The interface of congestion control algorithms, NewReno (RFC 5681), and
 * congestion window validation (RFC 7661). An algorithm sets cwnd and ssthresh.
 */
#ifndef NET_TCP_CONGESTION_H
#define NET_TCP_CONGESTION_H

#include <mirage/time.h>
#include <stdbool.h>

struct connection;

struct tcp_congestion {
    /* acked bytes of new data were acknowledged, and nothing is lost. */
    void (*acked)(struct connection *c, uint32_t acked);
    /* A segment was lost with in_flight bytes in flight: sets ssthresh. */
    void (*lost)(struct connection *c, uint32_t in_flight);
    /* The last loss was spurious. */
    void (*undo)(struct connection *c);
    /* A retransmission timeout: the state before it is out of date. */
    void (*expired)(struct connection *c);
};

extern const struct tcp_congestion tcp_newreno, tcp_cubic;

/* Appropriate byte counting (RFC 3465) */
struct tcp_newreno {
    uint32_t bytes_acked; /* since cwnd was last increased */
};

/* Congestion window validation (RFC 7661) */
struct tcp_cwv {
    uint32_t peak, prior_peak; /* most bytes in flight, in this period and in
                                  the one before */
    nanoseconds peak_since, unused_since;
};

/* Set cwnd: to the initial window; after an idle period to the restart window
 * (RFC 5681, 4.1). */
void congestion_begin(struct connection *c);
void congestion_restart(struct connection *c);

/* Records the bytes in flight. To be called when new data was sent. */
void congestion_on_sent(struct connection *c, nanoseconds now);
/* The most bytes that may leave in one burst. */
uint32_t congestion_burst(struct connection *c);
/* Is cwnd used enough to be increased (RFC 7661)? */
bool congestion_may_grow(const struct connection *c, uint32_t acked);
/* Increases cwnd by acked, up to ssthresh. Returns the part of acked that is
 * left for congestion avoidance. */
uint32_t congestion_slow_start(struct connection *c, uint32_t acked);

#endif
