/* SPDX-License-Identifier: ISC */
/*
 * Sending of single segments, and the receive window.
 */
#ifndef NET_TCP_SEND_H
#define NET_TCP_SEND_H

#include <stdint.h>

struct connection;
struct ipv4_packet;
struct tcp_segment;
struct tcpv4;

#define TCP_DELAYED_ACK (40 * MILLISECOND)

/* Sends len bytes of the send queue from seq on, or the SYN or FIN there.
 * Without a page nothing is sent, as if the segment were lost. */
void tcp_send(struct connection *c, uint32_t seq, uint32_t len, uint8_t flags);

void tcp_send_ack(struct connection *c);
void tcp_send_reset(struct connection *c);

/* Answers a segment with a reset, as one that belongs to no connection (RFC
 * 9293, 3.10.7.1). c: the connection that it was received on, or NULL. */
void tcp_reply_reset(struct tcpv4 *tcp, const struct connection *c,
                     const struct ipv4_packet *packet,
                     const struct tcp_segment *s, uint32_t len);

/* The receive window to announce now, in bytes. */
uint32_t tcp_receive_window(const struct connection *c);

#endif
