/* SPDX-License-Identifier: ISC */
/*
 * Listeners, and how many connections each has.
 */
#ifndef NET_TCP_LISTENER_H
#define NET_TCP_LISTENER_H

#include <mirage/tcpv4.h>

struct connection;
struct tcpv4;

/* Exists while it has a handler or connections. */
struct tcp_listener {
    struct tcp_listener *next;
    uint16_t port;
    tcp_handler *fn; /* NULL: the port is closed */
    tcp_accepted *accepted; /* NULL: fn is called, in a fiber */
    void *ctx;
    struct tcp_limits limits; /* 0: none */
    struct tcp_options options;
    unsigned half_open, handlers;
    nanoseconds cookies; /* until then they are valid; 0: never */
};

/* The open listener of a port; NULL: there is none. */
struct tcp_listener *tcp_find_listener(struct tcpv4 *tcp, uint16_t port);

/* Frees a listener that is closed and has no connections. */
void tcp_free_listener_if_unused(struct tcpv4 *tcp, struct tcp_listener *l);

/* May it have another connection that is half open; that is handled? */
bool tcp_may_half_open(const struct tcpv4 *tcp, const struct tcp_listener *l);
bool tcp_may_accept(const struct tcp_listener *l);

/* Enters SYN-RECEIVED as a passive connection of l; leaves it. */
void tcp_add_half_open(struct connection *c, struct tcp_listener *l);
void tcp_remove_half_open(struct connection *c);

/* The application has released the connection: it is no longer held, and does
 * not count for its listener and its peer. */
void tcp_release(struct connection *c);

#endif
