/* SPDX-License-Identifier: ISC */
/*
 * Sending: segments, windows, acknowledgments and resets.
 */
#ifndef NET_TCP_OUTPUT_H
#define NET_TCP_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#define TCP_DELAYED_ACK      (40 * MILLISECOND)
#define TCP_SACK_DELAY_LEAST (250 * MICROSECOND) /* a shorter delay is none */

struct connection;
struct ipv4_packet;
struct sent_record;
struct tcp_segment;
struct tcpv4;

/* Sends what may be sent, and an ACK if one is due. */
void tcp_output(struct connection *c);

/* Sends len bytes of the send queue from seq on, or the SYN or FIN there. */
void tcp_send(struct connection *c, uint32_t seq, uint32_t len, uint8_t flags);

void tcp_retransmit(struct connection *c, struct sent_record *r);
/* The first len bytes in flight, or all of their record. */
void tcp_retransmit_first(struct connection *c, uint32_t len);
/* Sends a new segment whatever cwnd is; false: there is none to be sent. */
bool tcp_send_one_segment(struct connection *c);
void tcp_send_ack(struct connection *c);
void tcp_send_reset(struct connection *c);

/* Answers a segment with a reset, as one that belongs to no connection (RFC
 * 9293, 3.10.7.1). c: the connection that it was received on, or NULL. */
void tcp_reply_reset(struct tcpv4 *tcp, const struct connection *c,
                     const struct ipv4_packet *packet,
                     const struct tcp_segment *s, uint32_t len);

/* The receive window to announce now, in bytes. */
uint32_t tcp_receive_window(const struct connection *c);

/* Our timestamp of now: milliseconds plus the connection's offset. */
uint32_t tcp_timestamp(const struct connection *c);

#endif
