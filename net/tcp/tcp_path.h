/* SPDX-License-Identifier: ISC */
/*
 * Path MTU discovery (RFC 1191, RFC 4821).
 */
#ifndef NET_TCP_PATH_H
#define NET_TCP_PATH_H

#include <mirage/time.h>
#include <stdbool.h>

#define PATH_LEAST_MTU 552 /* as in Linux; below, without DF */
#define PATH_SMALL_MTU 576 /* RFC 1122, 3.3.2 */

struct connection;
struct sent_record;

struct tcp_path {
    uint16_t max_mss; /* at first: of our link, or the peer's MSS */
    uint16_t probed_mss; /* of the next probe */
    bool probe_lost; /* a probe, and nothing else so far */
    bool may_fragment; /* packets have no DF */
    nanoseconds raise_at; /* the time of the next probe; 0: none */
};

/* Has segments fit into packets of mtu bytes, if they are longer (never below
 * RFC 1191's 68). False: they are not. */
bool path_set_mtu(struct connection *c, uint16_t mtu);
/* The data bytes of a segment in a packet of mtu bytes. */
uint32_t path_segment(const struct connection *c, uint16_t mtu);
/* After a lost probe: the next has segment bytes, or if the gain is small, much
 * later the maximum. */
void path_set_next_probe(struct connection *c, uint16_t segment);
/* The first segment has been retransmitted without an answer. */
void path_on_rto(struct connection *c);
/* A probe with segment bytes has arrived; the one that r stands for is lost. */
void path_on_probe_acked(struct connection *c, uint16_t segment);
void path_on_probe_lost(struct connection *c, struct sent_record *r);
/* The data bytes of a probe to be sent now, if queued bytes wait and may bytes
 * are allowed; 0: no probe. */
uint16_t path_probe_size(const struct connection *c, uint32_t queued,
                         uint32_t may);

#endif
