/* SPDX-License-Identifier: ISC */
/*
 * Accepted connections by the address of the peer: limits, and which connection
 * to displace when the pool is full.
 */
#ifndef NET_TCP_PEERS_H
#define NET_TCP_PEERS_H

#include <mirage/tcpv4.h>

struct connection;
struct tcp_listener;
struct tcp_peer;
struct tcpv4;

/* tcp_peers.c's own. All zero is empty. */
struct tcp_peers {
    struct tcp_peer **bucket; /* by address and port */
    size_t buckets, count;
    struct tcp_peer **heap; /* by number of connections, most first */
    size_t heap_count, heap_room;
};

/* A connection's membership. */
struct tcp_peer_links {
    struct tcp_peer *by_address, *by_port; /* by_port may be NULL */
    struct connection *idler, *busier; /* same peer, by last_heard */
    bool is_displaced; /* reset, and still held */
};

/* May this address have one more connection to the port of l? */
bool tcp_peer_has_quota(const struct tcpv4 *tcp, const struct tcp_listener *l,
                        struct ip_address ip);

/* Counts an accepted connection, until it has ended (tcp_peer_remove); for the
 * limit of its port until the application closes it (tcp_peer_release_port).
 * Both do nothing for one that is not counted. ERR_NO_MEMORY. */
MUST_CHECK enum status tcp_peer_add(struct connection *c);
void tcp_peer_remove(struct connection *c);
void tcp_peer_release_port(struct connection *c);

/* Notes that a segment of the peer has been received on c just now. */
void tcp_peer_touch(struct connection *c);

/* The idlest connection of the peer with most connections; NULL: no peer has
 * more than this address. */
struct connection *tcp_peer_choose_victim(const struct tcpv4 *tcp,
                                          struct ip_address ip);

void tcp_peers_free(struct tcp_peers *all);

#endif
