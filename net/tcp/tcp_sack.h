/* SPDX-License-Identifier: ISC */
/*
 * Selective acknowledgments as a receiver sends them (RFC 2018, RFC 2883), and
 * D-SACKs as a sender reads them.
 */
#ifndef NET_TCP_SACK_H
#define NET_TCP_SACK_H

#include "tcp_segment.h"

/* Of consecutive segments beyond one hole, each of the first has an ACK at
 * once, and then one of so many. */
#define TCP_SINGLE_ACKS      3
#define TCP_SEGMENTS_PER_ACK 32

struct connection;
struct ooo_run;

struct tcp_sack {
    bool permitted; /* both sides have sent SACK-permitted */
    bool with_data; /* c->mss leaves room for blocks */
    uint8_t count;
    uint8_t since_hole; /* segments received */
    struct tcp_range block[TCP_RANGES]; /* the most recent first */
    struct tcp_range dsack; /* RFC 2883; empty: none is due */
};

/* Notes that [from, to) has been received out of order and is queued, in run
 * (NULL: it is dropped again). */
void sack_note_out_of_order(struct connection *c, const struct ooo_run *run,
                            uint32_t from, uint32_t to);
/* Notes that [from, to) has been received twice: a D-SACK is due. */
void sack_note_duplicate(struct connection *c, uint32_t from, uint32_t to);
/* The bytes of a segment's SACK option now; 0: it has none. */
uint32_t sack_option_length(struct connection *c);
/* Puts the blocks that are due into s. */
void sack_fill_option(struct connection *c, struct tcp_segment *s);
/* Finds a D-SACK for what we have sent in s (RFC 2883, 4). */
bool sack_find_dsack(const struct connection *c,
                     const struct tcp_segment *s, struct tcp_range *dsack);

#endif
