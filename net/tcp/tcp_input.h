/* SPDX-License-Identifier: ISC */
/*
 * Segment arrival (RFC 9293, 3.10.7).
 */
#ifndef NET_TCP_INPUT_H
#define NET_TCP_INPUT_H

struct buf;
struct ipv4_packet;

/* Processes a segment; takes b. ctx: the struct tcpv4. */
void tcp_input(void *ctx, const struct ipv4_packet *packet, struct buf *b);

#endif
