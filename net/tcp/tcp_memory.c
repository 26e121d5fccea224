/* SPDX-License-Identifier: ISC */
/*
 * Limits by free pages of the pool, which all queues of all connections share
 * (decision 0020). Relief when they run out is in tcp_relief.c.
 */
#include "tcp.h"
#include "tcp_memory.h"

/*
 * The part of the pool that is free, and its limits:
 *
 *     below 1/2    windows do not grow; larger pieces share pages
 *     below 1/4    the out-of-order queues do not grow
 *     below 1/8    windows open for two segments only; writes wait; data for a
 *                  connection with two unread segments are dropped
 *     below 1/16   only connections that hold no pages may receive or write
 *     below 1/64   none may. When a connection that holds no pages is refused
 *                  one, reset the connection with the largest product of pages
 *                  and idle time
 *
 * So the last pages are for responses, and for applications that read. A timer
 * checks ten times a second, wakes what may go on, and opens the windows when
 * there are pages again.
 */

bool tcp_memory_is_low(void)
{
    return tcp_pages_below(8);
}

/* May a connection that holds len bytes have more? */
static bool may_have(struct tcpv4 *tcp, uint32_t len, uint32_t enough)
{
    if (tcp_pages_below(64)) {
        tcp->refused = tcp->refused || len == 0;
        return false;
    }
    return tcp_pages_below(16) ? len == 0 : !tcp_pages_below(8) || len < enough;
}

bool tcp_may_receive(const struct connection *c)
{
    return c->shut_reading || /* the data are dropped */
           may_have(c->tcp, c->rcvq.len + c->ooo.len,
                    TCP_LEAST_ROOM * c->our_mss);
}

bool tcp_may_queue(const struct connection *c)
{
    return may_have(c->tcp, c->sndq.len, 1);
}

void tcp_memory_low(struct tcpv4 *tcp)
{
    if (!wheel_is_set(&tcp->memory))
        wheel_set(tcp->wheel, &tcp->memory, time_after(TCP_MEMORY_INTERVAL));
}
