/* SPDX-License-Identifier: ISC */
/*
 * Connections whose application has no fiber for each, and is called instead.
 */
#ifndef NET_TCP_EVENTS_H
#define NET_TCP_EVENTS_H

#include <mirage/tcpv4.h>

struct connection;

struct tcp_events {
    flow_event_handler *handler; /* NULL: the application has a fiber */
    void *ctx;
    unsigned told; /* enum flow_event: not reported again */
    bool is_new; /* the listener has not been called yet */
};

/* Calls the application's handler for new events. It may free c. */
void tcp_deliver_events(struct connection *c);

/* flow_on_event and flow_room */
void tcp_on_event(struct flow *flow, flow_event_handler *fn, void *ctx);
size_t tcp_room(struct flow *flow);

#endif
