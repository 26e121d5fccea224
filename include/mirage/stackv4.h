/* SPDX-License-Identifier: ISC */
/*
 * stackv4: TCP (RFC 9293) and UDP (RFC 768) over IPv4.
 *
 * By our own protocols over a network device (stackv4_direct), or by the host's
 * sockets (stackv4_socket).
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
 * Called for a datagram that was received. In a fiber of the stack: must not
 * block. datagram is lent, has at most UDP_MOST bytes, and may be a list of
 * bufs. A from.port of 0 means that the sender wants no answer (RFC 768).
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

/*
 * Called for a connection that was accepted. In a fiber of the stack: as a
 * flow_event_handler, it must not block. The flow is yours: flow_close it, here
 * or later. It is writable, which is not reported.
 */
typedef void tcp_accepted(void *ctx, struct flow *flow, struct endpoint peer);

/* How the connections to a port begin. */
struct tcp_options {
    struct flow_options flow;
    size_t stack; /* bytes of the handler's fiber, rounded up to whole pages;
                     0: FIBER_STACK */
};

/*
 * Limits of the connections to a port; 0: the stack's own. At the limit of
 * handlers no peer is turned away: it retransmits its SYN, and is served when a
 * handler has returned, or gives up. Beyond half_open, SYN cookies are used
 * (RFC 4987): no SACK or window scaling without timestamps. (A stack on the
 * host's sockets does as the host does.)
 */
struct tcp_limits {
    unsigned handlers; /* that run at once; flows that tcp_accepted was given
                          and that are not closed yet */
    unsigned half_open; /* connections in SYN-RECEIVED */
    unsigned peer; /* flows of one peer address; further ones are reset. Flows
                      from before the limit do not count */
};

/* What is known of an address of ours. An address of 0.0.0.0: there is none. */
struct stackv4_address {
    struct ip_address ip;
    unsigned prefix; /* bits of it that name the network */
    struct ip_address gateway; /* 0.0.0.0: none */
    struct ip_address dns[3], ntp[3];
    unsigned dns_count, ntp_count;
    struct ipv4_route routes[IPV4_ROUTES]; /* besides the gateway */
    unsigned route_count;
};

/* Called when our address has changed, or is lost. In a fiber of the stack:
 * must not block. address is lent. */
typedef void address_handler(void *ctx,
                             const struct stackv4_address *address);

/*
 * Tells all that is known of the i-th of our addresses, from 0 on. The first is
 * always there: it is 0.0.0.0 before there is an address, and of a stack that
 * listens on all of its host's. ERR_NOT_FOUND: there is no i-th.
 */
MUST_CHECK enum status stackv4_address_at(const struct stackv4 *s, size_t i,
                                          struct stackv4_address *address);

/* By stackv4_address_at: the first address, and what is known of it. */
void stackv4_address(const struct stackv4 *s, struct stackv4_address *address);
struct ip_address stackv4_ip(const struct stackv4 *s);

/* By stackv4_address_at: the i-th address alone. */
MUST_CHECK enum status stackv4_ip_at(const struct stackv4 *s, size_t i,
                                     struct ip_address *ip);

/* Calls fn when the first address changes; NULL: nothing is called. One
 * handler, the latest. Keeps ctx. The addresses of a stack on the host's
 * sockets are the host's, which reports no changes. */
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

/* As stackv4_listen_udp, for connections: each runs fn in a fiber. */
enum status stackv4_listen_tcp(struct stackv4 *s, uint16_t port,
                               tcp_handler *fn, void *ctx);

/*
 * As stackv4_listen_tcp, for connections without a fiber, of which there can be
 * hundreds of thousands: accepted is called for each, and gives the flow its
 * handler (flow_on_event). A connection then needs no more memory than its
 * state (about 1 KiB) and the data that waits to be read or sent. An echo
 * server:
 *
 *     static void on_event(void *ctx, struct flow *f, unsigned events)
 *     {
 *         enum status s = OK;
 *         struct buf *data;
 *
 *         while (s == OK && flow_room(f) > 0)
 *             if ((s = flow_read(f, &data, 0)) == OK)
 *                 s = flow_write_bufs(f, data, 0);
 *         if (events & FLOW_OVER || (s != OK && s != ERR_TIMEOUT))
 *             flow_close(f);
 *     }
 *
 *     static void accepted(void *ctx, struct flow *f, struct endpoint peer)
 *     {
 *         flow_on_event(f, on_event, ctx);
 *     }
 *
 *     stackv4_listen_events(stack, 7, accepted, NULL);
 */
enum status stackv4_listen_events(struct stackv4 *s, uint16_t port,
                                  tcp_accepted *accepted, void *ctx);

/* Limits the connections to port, from now on. ERR_NOT_FOUND: nothing listens
 * there. */
enum status stackv4_limit_tcp(struct stackv4 *s, uint16_t port,
                              const struct tcp_limits *limits);

/* Sets the options of connections to port that are accepted from now on; a
 * copy is kept until the listener ends. ERR_NOT_FOUND: nothing listens there.
 */
enum status stackv4_set_tcp_options(struct stackv4 *s, uint16_t port,
                                    const struct tcp_options *options);

/*
 * A UDP port whose number the stack has chosen, to ask others from.
 * stackv4_udp_write sends from its number as well.
 */
struct udp_port {
    const struct udp_port_ops *ops;
    uint16_t number;
    bool by_number; /* stackv4_open_udp's own */
};

/*
 * Opens a UDP port, chosen at random among those without a listener (RFC 6056,
 * 3.2). fn is called for datagrams to it: those of peer alone, unless that is
 * NULL; others are answered as if the port was closed. *port is yours:
 * udp_port_close. Keeps ctx.
 *
 * ERR_IN_USE: no port is free. ERR_UNREACHABLE: the host has no route to peer
 * (on its sockets only). ERR_NO_MEMORY.
 */
MUST_CHECK enum status stackv4_udp_open(struct stackv4 *s,
                                        const struct endpoint *peer,
                                        udp_handler *fn, void *ctx,
                                        struct udp_port **port);

/* As stackv4_udp_write, from this port. */
MUST_CHECK enum status udp_port_write(struct udp_port *port,
                                      struct endpoint to, const void *data,
                                      size_t len);

/* Closes and frees the port, also in its handler, which is not called any more.
 * Does not block. */
void udp_port_close(struct udp_port *port);

/* Earlier name of stackv4_udp_open, for a port that is known by its number
 * alone: stackv4_listen_udp with a NULL fn closes it. */
MUST_CHECK enum status stackv4_open_udp(struct stackv4 *s,
                                        const struct endpoint *peer,
                                        udp_handler *fn, void *ctx,
                                        uint16_t *port);

/*
 * Sends one datagram of at most UDP_MOST bytes from port from (0: one chosen at
 * random); data is copied. Does not block; OK does not mean that it arrives.
 *
 * ERR_RANGE: it is longer. ERR_UNREACHABLE: there is no route to that address,
 * no address of ours yet, or to.port is 0. ERR_REFUSED: an ICMP error says that
 * nothing was at the port of an earlier one. ERR_IN_USE, ERR_PERMISSION: as
 * stackv4_listen_udp, of a port from that is not listened on. ERR_NO_MEMORY: it
 * was dropped.
 */
MUST_CHECK enum status stackv4_udp_write(struct stackv4 *s, uint16_t from,
                                         struct endpoint to, const void *data,
                                         size_t len);

/*
 * Opens a connection; blocks. On OK, *flow is yours: flow_close it.
 *
 * ERR_REFUSED: nothing listens there. ERR_TIMEOUT: no answer before the
 * deadline. ERR_RESET: it was reset. ERR_UNREACHABLE, ERR_GONE, ERR_NO_MEMORY,
 * ERR_CANCELLED.
 */
MUST_CHECK enum status stackv4_connect(struct stackv4 *s, struct endpoint to,
                                       nanoseconds deadline,
                                       struct flow **flow);

/*
 * Begins to open a connection, without waiting: fn is called with FLOW_WRITABLE
 * when it is open, or with FLOW_OVER, after which flow_read gives the reason.
 * On OK, *flow is yours: flow_close it; before it is open, that ends the
 * attempt, and what was written is lost (RFC 9293, 3.10.4). Keeps ctx. Does not
 * block.
 *
 * ERR_UNREACHABLE: we have no address, or no route to that one. ERR_NO_MEMORY.
 */
MUST_CHECK enum status stackv4_begin(struct stackv4 *s, struct endpoint to,
                                     flow_event_handler *fn, void *ctx,
                                     struct flow **flow);

/*
 * Serves the listeners until the fiber is cancelled (ERR_CANCELLED) or the
 * stack is gone (ERR_GONE). Returns at once if a listener could not be opened.
 * Blocks. Listeners also work when no fiber is in this call.
 */
MUST_CHECK enum status stackv4_run(struct stackv4 *s);

/*
 * At the end of the image: sends the data that was written to flows, closed or
 * not, and then the end of each, for a few seconds at most; what a peer has not
 * acknowledged by then ends in a reset. No peer can connect any more. Gives an
 * address from DHCP back, and prints the counters if the boot argument --stats
 * asks for them. Blocks. For main.c.
 */
void stackv4_finish(struct stackv4 *s);

/*
 * Does what stackv4_finish does, but for printing; then ends the connections
 * that are left (ERR_GONE), waits until handlers have returned and every flow
 * is closed, and frees the stack. The network device is left as it is. UDP
 * ports that are yours must be closed before: a bug otherwise, panics. No fiber
 * may be in another call on the stack. Blocks.
 */
void stackv4_disconnect(struct stackv4 *s);

/* Calls fn for each of the stack's counters, with its name and its value since
 * the stack was connected. */
typedef void counter_handler(void *ctx, const char *name, uint64_t value);
void stackv4_counters(const struct stackv4 *s, counter_handler *fn,
                      void *ctx);

/* The driver's side: each as its namesake above. None may be NULL, but for
 * disconnect: stackv4_direct_disconnect is called then. */
struct stackv4_ops {
    enum status (*address_at)(const struct stackv4 *s, size_t i,
                              struct stackv4_address *address);
    void (*on_address)(struct stackv4 *s, address_handler *fn, void *ctx);
    enum status (*listen_udp)(struct stackv4 *s, uint16_t port,
                              udp_handler *fn, void *ctx);
    enum status (*listen_tcp)(struct stackv4 *s, uint16_t port,
                              tcp_handler *fn, void *ctx);
    enum status (*listen_events)(struct stackv4 *s, uint16_t port,
                                 tcp_accepted *accepted, void *ctx);
    enum status (*limit_tcp)(struct stackv4 *s, uint16_t port,
                             const struct tcp_limits *limits);
    enum status (*set_tcp_options)(struct stackv4 *s, uint16_t port,
                                   const struct tcp_options *options);
    enum status (*udp_open)(struct stackv4 *s, const struct endpoint *peer,
                            udp_handler *fn, void *ctx,
                            struct udp_port **port);
    enum status (*udp_write)(struct stackv4 *s, uint16_t from,
                             struct endpoint to, const void *data, size_t len);
    enum status (*connect)(struct stackv4 *s, struct endpoint to,
                           nanoseconds deadline, struct flow **flow);
    enum status (*begin)(struct stackv4 *s, struct endpoint to,
                         flow_event_handler *fn, void *ctx,
                         struct flow **flow);
    enum status (*run)(struct stackv4 *s);
    void (*finish)(struct stackv4 *s);
    void (*disconnect)(struct stackv4 *s);
    void (*counters)(const struct stackv4 *s, counter_handler *fn, void *ctx);
};

/*
 * net: ends and frees a stack of stackv4_direct, whose ops do not name it, so
 * that it is linked only into images that call stackv4_disconnect.
 */
void stackv4_direct_disconnect(struct stackv4 *s);

struct udp_port_ops {
    enum status (*write)(struct udp_port *port, struct endpoint to,
                         const void *data, size_t len);
    void (*close)(struct udp_port *port);
};

#endif
