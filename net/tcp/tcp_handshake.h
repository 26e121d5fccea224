/* SPDX-License-Identifier: ISC */
/*
 * The handshake: segments in LISTEN (RFC 9293, 3.10.7.2) and in SYN-SENT
 * (3.10.7.3), and SYN cookies.
 */
#ifndef NET_TCP_HANDSHAKE_H
#define NET_TCP_HANDSHAKE_H

#include <stdbool.h>
#include <stdint.h>

struct arrival;
struct connection;
struct ipv4_packet;
struct tcpv4;

/*
 * Processes a segment that belongs to no connection. least: the ISS of a new
 * connection must be after it (NULL: any will do). Returns a connection opened
 * by a SYN cookie, in SYN-RECEIVED, which is to process the segment; NULL: the
 * segment is done with.
 */
struct connection *tcp_process_listen(struct tcpv4 *tcp,
                                      const struct ipv4_packet *packet,
                                      struct arrival *a,
                                      const uint32_t *least);

/* True: the connection is open now, and the segment's data and FIN are to be
 * processed. */
bool tcp_process_syn_sent(struct connection *c, struct arrival *a,
                          const struct ipv4_packet *packet);

/* Enters ESTABLISHED from SYN-SENT or SYN-RECEIVED. If the application cannot
 * be given a passive connection it is reset, and in CLOSED then. */
void tcp_establish(struct connection *c);

#endif
