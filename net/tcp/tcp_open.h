/* SPDX-License-Identifier: ISC */
/*
 * Creation of connections, and active open.
 */
#ifndef NET_TCP_OPEN_H
#define NET_TCP_OPEN_H

#include <mirage/address.h>
#include <mirage/status.h>
#include <stdbool.h>

struct connection;
struct tcpv4;

/* Initialises a connection with its sequence numbers, in no table. */
void tcp_init(struct connection *c, struct tcpv4 *tcp, struct endpoint local,
              struct endpoint peer);

/* Replaces the initial sequence number. */
void tcp_set_iss(struct connection *c, uint32_t iss);

/* Allocates and links a connection that is to send a SYN; NULL: the pool is
 * empty, which is counted, and logged once. */
struct connection *tcp_create(struct tcpv4 *tcp, struct endpoint local,
                              struct endpoint peer);

/* The same, but when the pool is full the connection that
 * tcp_peer_choose_victim names is reset. */
struct connection *tcp_create_displacing(struct tcpv4 *tcp,
                                         struct endpoint local,
                                         struct endpoint peer);

/* Would tcp_create succeed? */
bool tcp_has_room(const struct tcpv4 *tcp);

#endif
