/* SPDX-License-Identifier: ISC */
/*
 * Listeners: opening and closing them, their limits and options, and the
 * connections that count for them.
 */
#include "tcp.h"
#include <stdlib.h>

struct tcp_listener *tcp_find_listener(struct tcpv4 *tcp, uint16_t port)
{
    struct tcp_listener *l = tcp->listeners;

    while (l && (l->port != port || !l->fn))
        l = l->next;
    return l;
}

void tcp_free_listener_if_unused(struct tcpv4 *tcp, struct tcp_listener *l)
{
    struct tcp_listener **at = &tcp->listeners;

    if (l->fn || l->half_open > 0 || l->handlers > 0)
        return;
    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    free(l);
}

/* A SYN flood never takes more than a quarter of a small pool. */
bool tcp_may_half_open(const struct tcpv4 *tcp, const struct tcp_listener *l)
{
    return tcp->half_open < TCP_HALF_OPEN &&
           tcp->half_open < tcp->pool.limit / 4 &&
           (!l->limits.half_open || l->half_open < l->limits.half_open);
}

bool tcp_may_accept(const struct tcp_listener *l)
{
    return !l->limits.handlers || l->handlers < l->limits.handlers;
}

void tcp_add_half_open(struct connection *c, struct tcp_listener *l)
{
    struct tcpv4 *tcp = c->tcp;

    c->state = TCP_SYN_RECEIVED;
    c->is_passive = true;
    c->listener = l;
    c->options = l->options.flow;
    c->half_open = TCP_HALF_OPEN;
    l->half_open++;
    if (tcp->half_open == TCP_HALF_OPEN)
        return; /* from a SYN cookie */
    c->half_open = tcp->half_open++;
    tcp->half_opens[c->half_open] = c;
}

void tcp_remove_half_open(struct connection *c)
{
    struct tcpv4 *tcp = c->tcp;
    struct connection *last;

    c->listener->half_open--;
    if (c->half_open == TCP_HALF_OPEN)
        return;
    last = tcp->half_opens[--tcp->half_open];
    tcp->half_opens[c->half_open] = last;
    last->half_open = c->half_open;
}

void tcp_release(struct connection *c)
{
    struct tcp_listener *l = c->listener;

    c->is_held = false;
    tcp_peer_release_port(c);
    if (!c->is_handled)
        return;
    c->is_handled = false;
    l->handlers--;
    tcp_free_listener_if_unused(c->tcp, l);
}

enum status tcpv4_listen(struct tcpv4 *tcp, uint16_t port, tcp_handler *fn,
                         void *ctx)
{
    struct tcp_listener *l = tcp->listeners;

    while (l && l->port != port)
        l = l->next;
    if (!fn) {
        if (l) {
            l->fn = NULL;
            l->limits = (struct tcp_limits){0};
            l->options = (struct tcp_options){0};
            tcp_free_listener_if_unused(tcp, l);
        }
        return OK;
    }
    if (!l) {
        l = calloc(1, sizeof *l);
        if (!l)
            return ERR_NO_MEMORY;
        l->port = port;
        l->next = tcp->listeners;
        tcp->listeners = l;
    }
    l->fn = fn;
    l->accepted = NULL;
    l->ctx = ctx;
    return OK;
}

enum status tcpv4_limit(struct tcpv4 *tcp, uint16_t port,
                        const struct tcp_limits *limits)
{
    struct tcp_listener *l = tcp_find_listener(tcp, port);

    if (!l)
        return ERR_NOT_FOUND;
    l->limits = *limits;
    return OK;
}

enum status tcpv4_set_options(struct tcpv4 *tcp, uint16_t port,
                              const struct tcp_options *options)
{
    struct tcp_listener *l = tcp_find_listener(tcp, port);

    if (!l)
        return ERR_NOT_FOUND;
    l->options = *options;
    return OK;
}
