/* SPDX-License-Identifier: ISC */
/*
 * Explicit congestion notification (RFC 3168).
 */
#ifndef NET_TCP_ECN_H
#define NET_TCP_ECN_H

#include <mirage/tcpv4.h>

struct connection;

struct tcp_ecn {
    bool is_on; /* negotiated */
    bool cwr_due; /* the next new segment has CWR */
    bool echo_ce; /* each segment has ECE, until the peer sends CWR */
};

enum tcpv4_ecn ecn_default(void);

/* The ECN flags of our SYN or SYN,ACK; and what the peer's mean. */
uint8_t ecn_syn_flags(struct connection *c);
void ecn_on_syn(struct connection *c, uint8_t flags);
/* An acceptable segment with len bytes of data has been received. */
void ecn_on_segment(struct connection *c, uint8_t flags, uint8_t service,
                    uint32_t len);
/* The codepoint in the IP header of a segment. */
uint8_t ecn_codepoint(const struct connection *c, uint32_t seq, uint32_t len);

#endif
