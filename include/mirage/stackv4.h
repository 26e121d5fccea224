/* SPDX-License-Identifier: ISC */
/*
 * stackv4: TCP and UDP over IPv4, whoever provides them.
 */
#ifndef MIRAGE_STACKV4_H
#define MIRAGE_STACKV4_H

#include <mirage/address.h>
#include <mirage/buf.h>
#include <mirage/flow.h>
#include <mirage/status.h>
#include <mirage/time.h>

struct stackv4 {
    const struct stackv4_ops *ops;
};

#define UDP_MOST 65507 /* bytes of data that one datagram can have */

/*
 * A datagram has come. In the stack's own fiber: must not block. datagram is
 * lent, has at most UDP_MOST bytes, and may be a list of bufs. A from.port of 0
 * says that its sender wants no answer (RFC 768).
 */
typedef void udp_handler(void *ctx, struct endpoint from, struct endpoint to,
                         const struct buf *datagram);

/*
 * Runs in a fiber of its own, named after the port ("tcp:8080"), with
 * FIBER_STACK bytes of stack (64 KiB) unless tcp_options say otherwise. The
 * stack closes and frees the flow when the handler returns; flow_close in the
 * handler panics.
 */
typedef void tcp_handler(void *ctx, struct flow *flow, struct endpoint peer);

/* How the connections to a port begin. */
struct tcp_options {
    struct flow_options flow;
    size_t stack; /* bytes of the handler's fiber, rounded up to
                                  whole pages; 0: FIBER_STACK */
};

/*
 * What the connections to a port may cost; 0: as much as the stack has. At the
 * first limit nobody is turned away: who wants to connect asks again, and is
 * served when a handler has returned, or gives up. At the second nothing is
 * kept of who asks, and he can do nothing that needs to be kept: without time
 * stamps his window is of 64 KiB at most (SYN cookies, RFC 4987; a stack on the
 * host's sockets has the host's way).
 */
struct tcp_limits {
    unsigned handlers; /* that run at once */
    unsigned half_open; /* peers that have still to answer our answer */
    unsigned peer; /* flows of one peer address; further ones are reset.
                           Those of before the limit do not count */
};

/* What an address is known with. An address of 0.0.0.0: there is none. */
struct stackv4_address {
    struct ip_address ip;
    unsigned prefix; /* bits of it that name the network */
    struct ip_address gateway; /* 0.0.0.0: none */
    struct ip_address dns[3], ntp[3];
    unsigned dns_count, ntp_count;
    struct ipv4_route routes[IPV4_ROUTES]; /* besides the gateway */
    unsigned route_count;
};

/* Our address has changed, or is lost. In the stack's own fiber: must not
 * block. address is lent. */
typedef void address_handler(void *ctx,
                             const struct stackv4_address *address);

/*
 * Our own address; 0.0.0.0 before there is one, and of a stack that listens
 * on all of its host's. Of several addresses the first.
 */
struct ip_address stackv4_ip(const struct stackv4 *s);

/* The i-th of our addresses, from 0 on. ERR_NOT_FOUND: there are no more. */
MUST_CHECK enum status stackv4_ip_at(const struct stackv4 *s, size_t i,
                                     struct ip_address *ip);

/* All that is known of our address; and who is told from now on when it
 * changes: one handler, the latest; NULL: nobody. Keeps ctx. The addresses of
 * a stack on the host's sockets are the host's, who tells nobody. */
void stackv4_address(const struct stackv4 *s, struct stackv4_address *address);
void stackv4_on_address(struct stackv4 *s, address_handler *fn, void *ctx);

/*
 * Runs fn for each datagram to port. A later listener on a port replaces the
 * earlier; a NULL fn ends it, at the latest from the caller's next wait on.
 * Keeps ctx.
 *
 * ERR_IN_USE, ERR_PERMISSION: another process has the port, or it takes a
 * right to have it; ERR_IN_USE, too, if stackv4_open_udp has chosen the port.
 * The reason is logged, with what helps, and stackv4_run returns the same
 * status, so the result need not be looked at here.
 */
enum status stackv4_listen_udp(struct stackv4 *s, uint16_t port,
                               udp_handler *fn, void *ctx);

/* The same for connections: each runs fn in a fiber. */
enum status stackv4_listen_tcp(struct stackv4 *s, uint16_t port,
                               tcp_handler *fn, void *ctx);

/* Limits the connections to port, from now on. ERR_NOT_FOUND: nobody listens
 * there. */
enum status stackv4_limit_tcp(struct stackv4 *s, uint16_t port,
                              const struct tcp_limits *limits);

/* Sets the options of connections to port that are accepted from now on; a
 * copy is kept until the listener ends. ERR_NOT_FOUND: nobody listens there. */
enum status stackv4_set_tcp_options(struct stackv4 *s, uint16_t port,
                                    const struct tcp_options *options);

/*
 * Opens a UDP port for questions, chosen at random among those that nobody
 * listens to: fn gets what comes to it, from peer alone unless that is NULL;
 * others are answered as if the port was closed. The port is in *port;
 * stackv4_listen_udp with a NULL fn closes it. Keeps ctx.
 *
 * ERR_IN_USE: no port is free.
 */
MUST_CHECK enum status stackv4_open_udp(struct stackv4 *s,
                                        const struct endpoint *peer,
                                        udp_handler *fn, void *ctx,
                                        uint16_t *port);

/*
 * Sends one datagram of at most UDP_MOST bytes from port from (0: one that
 * nobody can guess); data is copied. Does not block: whether it arrives nobody
 * knows.
 *
 * ERR_RANGE: it is longer. ERR_UNREACHABLE: there is no way to that address,
 * no address of ours yet, or to.port is 0. ERR_REFUSED: an earlier one came
 * back, there was nobody at the port. ERR_IN_USE, ERR_PERMISSION: as
 * stackv4_listen_udp says, of a port from that is not listened on.
 * ERR_NO_MEMORY: dropped.
 */
MUST_CHECK enum status stackv4_udp_write(struct stackv4 *s, uint16_t from,
                                         struct endpoint to, const void *data,
                                         size_t len);

/*
 * Opens a connection; blocks. On OK, *flow is yours: flow_close it.
 *
 * ERR_REFUSED: nobody listens there. ERR_TIMEOUT: no answer before the
 * deadline. ERR_RESET: it was broken off. ERR_UNREACHABLE, ERR_GONE,
 * ERR_NO_MEMORY, ERR_CANCELLED.
 */
MUST_CHECK enum status stackv4_connect(struct stackv4 *s, struct endpoint to,
                                       nanoseconds deadline,
                                       struct flow **flow);

/*
 * Serves the listeners until the fiber is cancelled (ERR_CANCELLED) or the
 * stack is gone (ERR_GONE). Returns at once if a listener could not be had.
 * Blocks. Listeners also work when nobody is here.
 */
MUST_CHECK enum status stackv4_run(struct stackv4 *s);

/*
 * The image ends: sends what was written to flows, closed or not, and then the
 * end of each, for a few seconds at most; what a peer has not taken by then
 * ends in a reset. Nobody can connect any more. Gives an address from DHCP
 * back, and prints the counters if the boot argument --stats asks for them.
 * Blocks. For main.c.
 */
void stackv4_finish(struct stackv4 *s);

/* What the stack has counted since it was connected, by the name of each. */
typedef void counter_handler(void *ctx, const char *name, uint64_t value);
void stackv4_counters(const struct stackv4 *s, counter_handler *fn,
                      void *ctx);

/* The driver's side: each as its namesake above. None may be NULL. */
struct stackv4_ops {
    enum status (*ip_at)(const struct stackv4 *s, size_t i,
                         struct ip_address *ip);
    void (*address)(const struct stackv4 *s,
                    struct stackv4_address *address);
    void (*on_address)(struct stackv4 *s, address_handler *fn, void *ctx);
    enum status (*listen_udp)(struct stackv4 *s, uint16_t port,
                              udp_handler *fn, void *ctx);
    enum status (*listen_tcp)(struct stackv4 *s, uint16_t port,
                              tcp_handler *fn, void *ctx);
    enum status (*limit_tcp)(struct stackv4 *s, uint16_t port,
                             const struct tcp_limits *limits);
    enum status (*set_tcp_options)(struct stackv4 *s, uint16_t port,
                                   const struct tcp_options *options);
    enum status (*open_udp)(struct stackv4 *s, const struct endpoint *peer,
                            udp_handler *fn, void *ctx, uint16_t *port);
    enum status (*udp_write)(struct stackv4 *s, uint16_t from,
                             struct endpoint to, const void *data, size_t len);
    enum status (*connect)(struct stackv4 *s, struct endpoint to,
                           nanoseconds deadline, struct flow **flow);
    enum status (*run)(struct stackv4 *s);
    void (*finish)(struct stackv4 *s);
    void (*counters)(const struct stackv4 *s, counter_handler *fn, void *ctx);
};

#endif
