/* SPDX-License-Identifier: ISC */
/*
 * The ACK of a received segment (RFC 9293, 3.10.7.4, fifth).
 */
#ifndef NET_TCP_ACK_H
#define NET_TCP_ACK_H

#include <stdbool.h>

struct arrival;
struct connection;
struct ipv4_packet;

/* Processes ACK number, window and SACK blocks. False: the segment is done
 * with, and the connection may be in CLOSED. */
bool tcp_process_ack(struct connection *c, const struct arrival *a,
                     const struct ipv4_packet *packet);

#endif
