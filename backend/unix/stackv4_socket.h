/* SPDX-License-Identifier: ISC */
/*
 * A stack on the host's sockets. host_socket.c has the system calls,
 * port_socket.c ports and their listeners, udp_socket.c datagrams,
 * event_socket.c what flows without a fiber need, flow_socket.c flows, and
 * tcp_socket.c how connections begin; each calls only those before it.
 * stackv4_socket.c is the device.
 */
#ifndef UNIX_STACKV4_SOCKET_H
#define UNIX_STACKV4_SOCKET_H

#include "port_socket.h"
#include <mirage/stackv4.h>

struct socket_flow;

struct socket_counters {
    uint64_t accepted, opened, refused, dropped, over_peer_limit;
    uint64_t datagrams_in, datagrams_out, datagrams_dropped;
    uint64_t bytes_in, bytes_out; /* of streams */
};

struct sockets {
    struct stackv4 stack;
    struct ip_address *address;
    size_t address_count;
    struct port *ports;
    struct waiters failed; /* woken when a port cannot be opened */
    struct listener sending; /* datagrams from no port of ours */
    uint8_t *spill; /* SOCKETS_SPILL bytes: the end of a datagram that is longer
                       than a page; data that is dropped */
    struct socket_flow *all; /* flows */
    size_t flows, pages; /* now; reserved */
    struct fiber *worker; /* event_socket.c's, and its list of flows */
    struct waiters worker_turn;
    struct socket_flow *scheduled, *scheduled_last;
    bool is_in_handler; /* in a handler, which may not block */
    bool is_short_of_pages;
    size_t unsent_flows; /* that have something queued */
    struct waiters all_sent; /* woken when one has not any more, and when a flow
                                is closed */
    bool was_short_of_files;
    struct socket_counters counters;
};

#define SOCKETS_SPILL ((size_t)65536)
#define SOCKETS_PAGES ((size_t)1024) /* that are reserved at once */

#endif
