/* SPDX-License-Identifier: ISC */
/*
 * peer: a peer of our TCP that sends any segment, and sees all of what comes
 * back. It is the left host of a pair, 10.0.0.1; ours is the right one.
 */
#ifndef SIM_PEER_H
#define SIM_PEER_H

#include "pair.h"

struct seen {
    struct tcp_segment s;
    size_t             len; /* bytes of data */
};

/* Takes the left host's TCP segments, from now on; forgets what came. */
void peer_begin(void);

/* Sends s, with a right checksum and len bytes of data. */
void peer_send(const struct tcp_segment *s, const void *data, size_t len);

/* The next segment that comes before so much time has passed; false: none. */
bool peer_sees(struct seen *seen, nanoseconds within);

/* Forgets what has come, and comes before so much time has passed. */
void peer_ignores(nanoseconds within);

#endif
