/* SPDX-License-Identifier: ISC */
/*
 * A scripted peer that sends any segment and sees all that our TCP sends. It is
 * the left host of a pair, 10.0.0.1; ours is the right one.
 */
#ifndef SIM_PEER_H
#define SIM_PEER_H

#include "pair.h"

struct seen {
    struct tcp_segment s;
    size_t len; /* bytes of data */
};

/* Receives the left host's segments from now on; forgets earlier ones. */
void peer_begin(void);

/* Sends s with a valid checksum and len bytes of data. */
void peer_send(const struct tcp_segment *s, const void *data, size_t len);

/* Our connection of the ports of the last segment sent; NULL: there is none. */
struct connection *peer_tcp(void);

/* Receives a segment within that time; false: none did. */
bool peer_sees(struct seen *seen, nanoseconds within);

/* Forgets all segments received until that time has passed. */
void peer_ignores(nanoseconds within);

#endif
