/* SPDX-License-Identifier: ISC */
/*
 * The end of a connection: CLOSED, TIME-WAIT, and release of its memory.
 */
#include "tcp.h"
#include <mirage/panic.h>

static void drop_queues(struct connection *c)
{
    ooo_clear(c);
    buf_free(c->syn_data);
    c->syn_data = NULL;
    buf_free(c->sndq.first);
    c->sndq.first = c->sndq.last = c->sndq.cursor = NULL;
    c->sndq.len = 0;
    sent_free_all(c);
}

void tcp_free(struct connection *c)
{
    require(c->state == TCP_CLOSED && !c->is_held);
    tcp_unschedule(c);
    buf_free(c->rcvq.first);
    c->rcvq.first = NULL;
    if (c->peers.is_displaced)
        c->tcp->pool.spare--;
    tcp_pool_release(&c->tcp->pool, c);
}

void tcp_enter_time_wait(struct connection *c)
{
    struct tcpv4 *tcp = c->tcp;

    c->state = TCP_TIMED_WAIT;
    c->clock[TCP_RETRANSMIT] = FOREVER;
    tcp_set_clock(c, TCP_END, time_after(TCP_TIME_WAIT));
    c->older = tcp->newest;
    c->newer = NULL;
    if (tcp->newest)
        tcp->newest->newer = c;
    else
        tcp->oldest = c;
    tcp->newest = c;
}

static void leave_time_wait(struct connection *c)
{
    struct tcpv4 *tcp = c->tcp;

    if (c->older)
        c->older->newer = c->newer;
    else
        tcp->oldest = c->newer;
    if (c->newer)
        c->newer->older = c->older;
    else
        tcp->newest = c->older;
}

struct connection *tcp_oldest_in_time_wait(const struct tcpv4 *tcp)
{
    struct connection *c = tcp->oldest;

    while (c && c->is_held)
        c = c->newer;
    return c;
}

void tcp_end(struct connection *c, enum status why)
{
    struct tcpv4 *tcp = c->tcp;

    if (c->state == TCP_CLOSED)
        return;
    if (c->state == TCP_SYN_RECEIVED && c->is_passive) {
        tcp_remove_half_open(c);
        tcp_free_listener_if_unused(tcp, c->listener);
    }
    if (c->state == TCP_TIMED_WAIT)
        leave_time_wait(c);
    if (why != OK)
        tcp->counters.failed++;
    tcp_pool_unlink(c);
    tcp_peer_remove(c);
    tcp_unschedule(c);
    wheel_clear(tcp->wheel, &c->timer);
    drop_queues(c);
    c->state = TCP_CLOSED;
    c->error = why;
    tcp->count--;
    if (c->events.handler || c->events.is_new)
        tcp_schedule(c);
    wake_all(&c->readable);
    wake_all(&c->writable);
    if (!c->is_held)
        tcp_free(c);
}

void tcp_abort(struct connection *c, enum status why)
{
    if (c->state != TCP_CLOSED && c->state != TCP_TIMED_WAIT)
        tcp_send_reset(c);
    buf_free(c->rcvq.first);
    c->rcvq.first = c->rcvq.last = NULL;
    c->rcvq.len = 0;
    c->fin_received = false;
    c->error = why;
    tcp_end(c, why);
}
