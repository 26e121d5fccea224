/* SPDX-License-Identifier: ISC */
/*
 * tcpv4: TCP connections (RFC 9293) over ipv4, each a flow.
 *
 * A layer of the direct stack, which an application can use as well. A call
 * that names one of mirage/stackv4.h has its contract.
 */
#ifndef MIRAGE_TCPV4_H
#define MIRAGE_TCPV4_H

#include <mirage/ipv4.h>
#include <mirage/stackv4.h>

struct tcpv4;

/* Takes over the segments of ip. Keeps ip. ERR_NO_MEMORY. */
MUST_CHECK enum status tcpv4_connect(struct ipv4 *ip, struct tcpv4 **tcp);

/* Congestion control. */
enum tcpv4_congestion {
    TCPV4_CUBIC, /* RFC 9438; the default, unless --tcp-congestion=newreno */
    TCPV4_NEWRENO, /* RFC 5681 */
};

/* Applies to connections that are made from now on. */
void tcpv4_set_congestion(struct tcpv4 *tcp, enum tcpv4_congestion which);

/* Explicit congestion notification (RFC 3168). */
enum tcpv4_ecn {
    TCPV4_ECN_ANSWER, /* if the peer asks; the default, unless --tcp-ecn=... */
    TCPV4_ECN_ASK, /* asks as well, and does without if a SYN is lost */
    TCPV4_ECN_NEVER,
};

/* Applies to connections that are made from now on. */
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

/* Ends all connections for the reason `why`, without telling their peers, since
 * our address has changed or is lost. */
void tcpv4_reset(struct tcpv4 *tcp, enum status why);

/*
 * Ends all connections, at the end of the image: sends what was written and
 * our FIN, or a reset if received data is unread or the connection is not open
 * yet; further SYNs are refused. Waits until the peers have acknowledged, and
 * for a moment longer for their FINs; connections that are left then, or
 * shortly before the deadline, are reset. Flows cannot be written to any more,
 * and must still be closed. Blocks.
 *
 * ERR_TIMEOUT: a peer did not acknowledge all, and was reset. ERR_CANCELLED:
 * all were reset at once.
 */
MUST_CHECK enum status tcpv4_drain(struct tcpv4 *tcp, nanoseconds deadline);

/*
 * Ends all connections as tcpv4_reset does (ERR_GONE), waits until handlers
 * have returned and every flow is closed, and frees tcp. Blocks.
 */
void tcpv4_disconnect(struct tcpv4 *tcp);

/* stackv4_counters */
void tcpv4_counters(const struct tcpv4 *tcp, counter_handler *fn, void *ctx);

#endif
