/* SPDX-License-Identifier: ISC */
/*
 * Segment arrival (RFC 9293, 3.10.7), and ICMP errors.
 */
#ifndef NET_TCP_INPUT_H
#define NET_TCP_INPUT_H

#include <stddef.h>
#include <stdint.h>

struct buf;
struct ipv4_error;
struct ipv4_packet;

void tcp_input(void *ctx, const struct ipv4_packet *packet, struct buf *b);
/* An ICMP error for a segment of ours, which begins with the len bytes at
 * start. */
void tcp_icmp_error(void *ctx, const struct ipv4_packet *packet,
                    const uint8_t *start, size_t len,
                    const struct ipv4_error *error);

#endif
