/* SPDX-License-Identifier: ISC */
/*
 * The list of scheduled connections, first in, first out. A connection is in it
 * at most once.
 */
#include "tcp.h"

void tcp_unschedule(struct connection *c)
{
    struct connection **at = &c->tcp->work, *before = NULL;

    if (!c->is_scheduled)
        return;
    while (*at != c) {
        before = *at;
        at = &before->scheduled;
    }
    *at = c->scheduled;
    if (c->tcp->work_last == c)
        c->tcp->work_last = before;
    c->is_scheduled = false;
}

void tcp_schedule(struct connection *c)
{
    struct tcpv4 *tcp = c->tcp;

    if (c->is_scheduled ||
        (c->state == TCP_CLOSED && !c->events.handler && !c->events.is_new))
        return;
    c->is_scheduled = true;
    c->scheduled = NULL;
    if (tcp->work)
        tcp->work_last->scheduled = c;
    else
        tcp->work = c;
    tcp->work_last = c;
    wake_one(&tcp->worker);
}
