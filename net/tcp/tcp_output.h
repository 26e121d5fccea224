/* SPDX-License-Identifier: ISC */
/*
 * Output: which segments to send now.
 */
#ifndef NET_TCP_OUTPUT_H
#define NET_TCP_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

struct connection;
struct sent_record;

/* Sends what may be sent, and an ACK if one is due. */
void tcp_output(struct connection *c);

void tcp_retransmit(struct connection *c, struct sent_record *r);
/* The first len bytes in flight, or all of their record. */
void tcp_retransmit_first(struct connection *c, uint32_t len);
/* Sends a new segment whatever cwnd is; false: there is none to be sent. */
bool tcp_send_one_segment(struct connection *c);
#endif
