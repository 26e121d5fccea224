/* SPDX-License-Identifier: ISC */
/*
 * ICMP errors for segments of ours.
 */
#ifndef NET_TCP_ICMP_H
#define NET_TCP_ICMP_H

#include <stddef.h>
#include <stdint.h>

struct ipv4_error;
struct ipv4_packet;

/* An ICMP error for a segment that begins with the len bytes at start. ctx: the
 * struct tcpv4. */
void tcp_icmp_error(void *ctx, const struct ipv4_packet *packet,
                    const uint8_t *start, size_t len,
                    const struct ipv4_error *error);

#endif
