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

/* stackv4_listen_events; ERR_NO_MEMORY. */
enum status tcpv4_listen_events(struct tcpv4 *tcp, uint16_t port,
                                tcp_accepted *accepted, void *ctx);

/* stackv4_begin */
MUST_CHECK enum status tcpv4_begin(struct tcpv4 *tcp, struct endpoint to,
                                   flow_event_handler *fn, void *ctx,
                                   struct flow **flow);

/* Earlier names of flow's. */
enum tcp_event {
    TCP_READABLE = FLOW_READABLE,
    TCP_WRITABLE = FLOW_WRITABLE,
    TCP_OVER = FLOW_OVER,
};
typedef flow_event_handler tcp_event_handler;

static inline void tcpv4_on_event(struct flow *flow, tcp_event_handler *fn,
                                  void *ctx)
{
    flow_on_event(flow, fn, ctx);
}

static inline size_t tcpv4_room(struct flow *flow)
{
    return flow_room(flow);
}

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

/*
 * Ends all connections as tcpv4_reset does (ERR_GONE), waits until handlers
 * have returned and every flow is closed, and frees tcp. Blocks.
 */
void tcpv4_disconnect(struct tcpv4 *tcp);

void tcpv4_counters(const struct tcpv4 *tcp, counter_handler *fn, void *ctx);

#endif
