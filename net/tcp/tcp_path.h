/* SPDX-License-Identifier: ISC */
/*
 * Path MTU discovery (RFC 1191, RFC 4821), and other ICMP errors.
 */
#ifndef NET_TCP_PATH_H
#define NET_TCP_PATH_H

#include <mirage/status.h>
#include <stdbool.h>
#include <mirage/time.h>

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
/* ICMP "fragmentation needed"; mtu 0: the router did not say. */
void path_on_icmp_mtu(struct connection *c, uint16_t mtu);
/* ICMP "unreachable" and the like. */
void path_on_icmp_error(struct connection *c, enum status status);
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
