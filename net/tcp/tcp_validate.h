/* SPDX-License-Identifier: ISC */
/*
 * The checks that a segment must pass before it is processed (RFC 9293,
 * 3.10.7.4, first to fourth; RFC 7323; RFC 5961).
 */
#ifndef NET_TCP_VALIDATE_H
#define NET_TCP_VALIDATE_H

#include <stdbool.h>

struct arrival;
struct connection;

/* Processes RST and SYN, and checks timestamp and sequence number. False: the
 * segment is done with, and the connection may be in CLOSED. */
bool tcp_validate(struct connection *c, struct arrival *a);

/* Sends a challenge ACK (RFC 5961), unless too many were sent. */
void tcp_challenge(struct connection *c);

/* Updates TS.Recent (RFC 7323, 4.3) by a segment whose ACK is valid. */
void tcp_update_ts_recent(struct connection *c, const struct arrival *a);

#endif
