/* SPDX-License-Identifier: ISC */
/*
 * SYN cookies (RFC 4987, 3.6).
 */
#ifndef NET_TCP_COOKIE_H
#define NET_TCP_COOKIE_H

#include "tcp_segment.h"
#include <mirage/tcpv4.h>

#define TCP_COOKIE_LIFE (128 * SECOND)

struct tcpv4;

/* An initial sequence number that encodes the SYN; and the timestamp that
 * encodes its options, not later than now. */
uint32_t tcp_make_cookie(const struct tcpv4 *tcp, const struct endpoint *local,
                         const struct endpoint *peer,
                         const struct tcp_segment *syn);
uint32_t tcp_make_cookie_timestamp(uint32_t now,
                                   const struct tcp_segment *syn);

/* Restores the SYN from the ACK that returns the cookie; false: it is none. Its
 * has_timestamps may differ from ack's. */
bool tcp_check_cookie(const struct tcpv4 *tcp, const struct endpoint *local,
                      const struct endpoint *peer,
                      const struct tcp_segment *ack, struct tcp_segment *syn);

#endif
