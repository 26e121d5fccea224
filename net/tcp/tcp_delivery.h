/* SPDX-License-Identifier: ISC */
/*
 * The delivery of data in flight, by an ACK.
 */
#ifndef NET_TCP_DELIVERY_H
#define NET_TCP_DELIVERY_H

#include "tcp_segment.h"
#include <mirage/time.h>
#include <stdbool.h>

struct connection;

/* The changes of the scoreboard by one ACK. */
struct delivery {
    nanoseconds now;
    bool has_echo, is_new; /* is_new: snd.una has advanced */
    bool is_marked; /* ECE is set (RFC 3168) */
    uint32_t echo;
    uint32_t acked; /* bytes of data, by snd.una */
    uint32_t bytes; /* newly acknowledged or SACKed */
    nanoseconds oldest, newest; /* xmit_ts of those sent once; 0: none */
    bool is_original; /* not retransmitted by the RTO */
    bool has_dsack; /* RFC 2883 */
    struct tcp_range dsack;
};

/* Removes the bytes before snd.una from the scoreboard; marks the blocks of s
 * as SACKed. Both add to d what is new. */
void delivery_by_ack(struct connection *c, struct delivery *d);
void delivery_by_sack(struct connection *c, const struct tcp_segment *s,
                      struct delivery *d);

#endif
