/* SPDX-License-Identifier: ISC */
/*
 * Connections without a fiber each: the work fiber calls the application's
 * handler for events, before it sends.
 *
 * Events are edge-triggered: each is reported once, and again only after a call
 * of the application would have blocked.
 */
#include "tcp.h"
#include "tcp_memory.h"
#include <mirage/macros.h>

static struct connection *connection_of(struct flow *f)
{
    return containing(f, struct connection, flow);
}

static unsigned events_of(const struct connection *c)
{
    bool is_over = c->state == TCP_CLOSED;
    bool is_open = !is_over && c->state != TCP_SYN_SENT &&
                   c->state != TCP_SYN_RECEIVED;
    unsigned events = 0;

    if (c->rcvq.first || c->fin_received || is_over)
        events |= FLOW_READABLE;
    if (is_open && !c->shut_writing && tcp_send_room(c) > 0 && tcp_may_queue(c))
        events |= FLOW_WRITABLE;
    return events | (is_over ? FLOW_OVER : 0);
}

void tcp_deliver_events(struct connection *c)
{
    struct tcpv4 *tcp = c->tcp;
    unsigned events;

    tcp->is_in_handler = true;
    if (c->events.is_new) {
        const struct tcp_listener *l = c->listener;

        c->events.is_new = false;
        c->events.told = FLOW_WRITABLE;
        if (c->state != TCP_CLOSED && l->fn && l->accepted) {
            l->accepted(l->ctx, &c->flow, c->peer);
        } else { /* the connection has ended, or the listener was closed */
            flow_abort(&c->flow);
            flow_close(&c->flow);
        }
    }
    events = c->events.handler ? events_of(c) & ~c->events.told : 0;
    if (events) {
        c->events.told |= events;
        c->events.handler(c->events.ctx, &c->flow, events);
    }
    tcp->is_in_handler = false;
}

/* The handler of a listener whose connections get no fiber. */
static void no_handler(void *ctx, struct flow *flow, struct endpoint peer)
{
    (void)ctx, (void)peer;
    flow_abort(flow);
}

enum status tcpv4_listen_events(struct tcpv4 *tcp, uint16_t port,
                                tcp_accepted *fn, void *ctx)
{
    enum status s = tcpv4_listen(tcp, port, fn ? no_handler : NULL, ctx);

    if (s == OK && fn)
        tcp_find_listener(tcp, port)->accepted = fn;
    return s;
}

void tcp_on_event(struct flow *flow, flow_event_handler *fn, void *ctx)
{
    struct connection *c = connection_of(flow);

    c->events.handler = fn;
    c->events.ctx = ctx;
    if (fn)
        tcp_schedule(c);
}

size_t tcp_room(struct flow *flow)
{
    struct connection *c = connection_of(flow);
    size_t room = c->state == TCP_CLOSED || c->shut_writing
                      ? 0
                      : tcp_send_room(c);

    if (room == 0)
        c->events.told &= ~(unsigned)FLOW_WRITABLE;
    return room;
}
