/* SPDX-License-Identifier: ISC */
/*
 * tcpv4: TCP connections (RFC 9293) over ipv4, each a flow.
 *
 * A layer of the direct stack, for those who assemble one by hand too; the
 * calls are those of mirage/stackv4.h, which has their contracts.
 */
#ifndef MIRAGE_TCPV4_H
#define MIRAGE_TCPV4_H

#include <mirage/ipv4.h>
#include <mirage/stackv4.h>

struct tcpv4;

/* From now on takes ip's segments. Keeps ip. ERR_NO_MEMORY. */
MUST_CHECK enum status tcpv4_connect(struct ipv4 *ip, struct tcpv4 **tcp);

/* How the pace of what is sent is found. */
enum tcpv4_congestion {
    TCPV4_CUBIC, /* RFC 9438; at first, unless --tcp-congestion=newreno */
    TCPV4_NEWRENO, /* RFC 5681 */
};

/* For connections that are made from now on. */
void tcpv4_set_congestion(struct tcpv4 *tcp, enum tcpv4_congestion which);

/* Congestion that routers mark in packets, in the place of losing them (RFC
 * 3168). */
enum tcpv4_ecn {
    TCPV4_ECN_ANSWER, /* with peers who ask; at first, unless --tcp-ecn=... */
    TCPV4_ECN_ASK, /* asks them, too, and does without if a SYN is lost */
    TCPV4_ECN_NEVER,
};

/* For connections that are made from now on. */
void tcpv4_set_ecn(struct tcpv4 *tcp, enum tcpv4_ecn ecn);

/* stackv4_listen_tcp; ERR_NO_MEMORY. */
enum status tcpv4_listen(struct tcpv4 *tcp, uint16_t port, tcp_handler *fn,
                         void *ctx);

/* stackv4_limit_tcp */
enum status tcpv4_limit(struct tcpv4 *tcp, uint16_t port,
                        const struct tcp_limits *limits);

/* stackv4_set_tcp_options */
enum status tcpv4_set_options(struct tcpv4 *tcp, uint16_t port,
                              const struct tcp_options *options);

/* stackv4_connect */
MUST_CHECK enum status tcpv4_open(struct tcpv4 *tcp, struct endpoint to,
                                  nanoseconds deadline, struct flow **flow);

/*
 * The layer beneath the fibers, for hundreds of thousands of connections: one
 * has no fiber, but is told what can be done, and holds no more memory than
 * its state (about 1 KiB) and what waits to be read or sent. The boot argument
 * --tcp-connections says how many there may be.
 *
 * Handlers run in the stack's own fiber and must not block. What they do with
 * a flow never waits, as if each deadline had passed: ERR_TIMEOUT says that
 * nothing has come, or that there is no room. Other fibers may use the flow,
 * too, and wait.
 */
enum tcp_event {
    TCP_READABLE = 1, /* data, the end, or why there will be none: flow_read */
    TCP_WRITABLE = 2, /* there is room; of one that is opened: it is open */
    TCP_OVER = 4, /* it has ended: flow_read has what came before, and
                         then why */
};

/*
 * events (enum tcp_event) are new. Each is told once, and again only after a
 * call found that it was no longer so: a flow_read that got ERR_TIMEOUT, or a
 * write, or tcpv4_room, that found no room. flow may be closed here.
 */
typedef void tcp_event_handler(void *ctx, struct flow *flow, unsigned events);

/* flow has come, and is yours: flow_close it, here or later. It is writable,
 * and that is not told. */
typedef void tcp_accepted(void *ctx, struct flow *flow, struct endpoint peer);

/* As tcpv4_listen, with accepted for each connection in the place of a fiber.
 * ERR_NO_MEMORY. */
enum status tcpv4_listen_events(struct tcpv4 *tcp, uint16_t port,
                                tcp_accepted *accepted, void *ctx);

/*
 * As tcpv4_open, but without waiting: fn is told of TCP_WRITABLE when the
 * connection is open, or of TCP_OVER. On OK, *flow is yours: flow_close it; if
 * it is not open yet, that gives it up, and what was written (RFC 9293,
 * 3.10.4). ERR_UNREACHABLE: we have no address, or no way to that one.
 * ERR_NO_MEMORY. Does not block.
 */
MUST_CHECK enum status tcpv4_begin(struct tcpv4 *tcp, struct endpoint to,
                                   tcp_event_handler *fn, void *ctx,
                                   struct flow **flow);

/* From now on fn is told what happens to a flow of tcpv4's, beginning with what
 * can be done already; NULL: nobody is. Keeps ctx. */
void tcpv4_on_event(struct flow *flow, tcp_event_handler *fn, void *ctx);

/*
 * Bytes of which flow_write_bufs queues all without waiting, and flow_write
 * too, unless the pool of pages is empty (ERR_NO_MEMORY: an unknown part was
 * queued, and TCP_WRITABLE is told when there are pages again). 0, too, if our
 * side is shut, or the connection has ended.
 */
size_t tcpv4_room(struct flow *flow);

/* Ends all connections, without a word to their peers: our address has gone,
 * or another has come. */
void tcpv4_reset(struct tcpv4 *tcp, enum status why);

/*
 * Ends all connections, for the end of the image: each peer gets what was
 * written and our end (FIN), or a reset where something is unread or the
 * connection is not open yet, and whoever calls from now on is refused. Waits
 * until the peers have acknowledged that, and for a moment longer for their own
 * ends; those that are left then, or shortly before the deadline, are reset. No
 * more can be written to a flow; it is still to be closed. Blocks.
 *
 * ERR_TIMEOUT: a peer did not acknowledge all, and was reset. ERR_CANCELLED: so
 * were all, at once.
 */
MUST_CHECK enum status tcpv4_drain(struct tcpv4 *tcp, nanoseconds deadline);

void tcpv4_counters(const struct tcpv4 *tcp, counter_handler *fn, void *ctx);

#endif
