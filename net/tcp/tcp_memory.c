/* SPDX-License-Identifier: ISC */
/*
 * When pages are scarce. All that the connections of an image hold is pages of
 * one pool, so what is left there is the measure:
 *
 *     below 1/2    windows do not grow; larger pieces share pages
 *     below 1/4    of what comes too early, nothing is kept
 *     below 1/8    windows do not open again, but for two segments; what
 *                  is written waits, and what comes to one who has not read
 *                  two segments yet is dropped, and comes again
 *     below 1/16   only those who hold nothing may take or write anything
 *     below 1/64   nobody may. If one who holds nothing is refused, who holds
 *                  most, and for longest, without anything moving, is reset
 *
 * So the last pages are for answers, and for those who take what they get.
 * While it lasts a timer looks ten times a second, lets those go on who
 * may, and opens the windows when it is over.
 */
#include "tcp.h"
#include "tcp_memory.h"

#define LOOK (100 * MILLISECOND)
#define IDLE (2 * SECOND) /* who has moved since is spared */

static bool is_below(size_t part)
{
    return buf_pages_free() < buf_pages() / part;
}

bool tcp_memory_is_low(void)
{
    return is_below(8);
}

/* May one who holds len bytes have more? */
static bool may_have(struct tcpv4 *tcp, uint32_t len, uint32_t enough)
{
    if (is_below(64)) {
        tcp->refused = tcp->refused || len == 0;
        return false;
    }
    return is_below(16) ? len == 0 : !is_below(8) || len < enough;
}

bool tcp_may_receive(const struct connection *c)
{
    return c->shut_reading || /* it is thrown away */
           may_have(c->tcp, c->rcvq.len + c->ooo.len,
                    TCP_LEAST_ROOM * c->our_mss);
}

bool tcp_may_queue(const struct connection *c)
{
    return may_have(c->tcp, c->sndq.len, 1);
}

static size_t count(const struct buf *b)
{
    size_t n = 0;

    for (; b; b = b->next)
        n++;
    return n;
}

/* Pages, by the time for which none of them has left. */
static uint64_t weigh(size_t pages, nanoseconds since)
{
    nanoseconds idle = time_now() - since;

    return idle < IDLE ? 0 : pages * (idle / MILLISECOND);
}

/* Whatever was held too early may be sent again (RFC 2018, 8); a connection
 * that is given up is gone, so that is only for what hoards of ours are. */
static void relieve(struct tcpv4 *tcp)
{
    struct connection *early = NULL, *worst = NULL;
    uint64_t           most = 0;
    size_t             all = 0;

    for (size_t i = 0; i < tcp->pool.used; i++) {
        struct connection *c = tcp_pool_at(&tcp->pool, i);
        size_t             read, queue;
        uint64_t           weight;

        if (c->state == TCP_CLOSED && !c->is_held)
            continue;
        read = count(c->rcvq.first);
        queue = count(c->sndq.first);
        all += read + queue;
        weight = weigh(read, c->rcvq.progress_at) + weigh(queue, c->sndq.progress_at);
        if (c->ooo.first && (!early || c->ooo.len > early->ooo.len))
            early = c;
        if (weight > most) {
            most = weight;
            worst = c;
        }
    }
    if (early) {
        ooo_clear(early);
    } else if (tcp->refused && worst && all >= buf_pages() / 4) {
        tcp->counters.relieved++;
        tcp_abort(worst, ERR_NO_MEMORY);
    }
    tcp->refused = false;
}

/* What could not be said, taken or queued for want of pages can be again. */
static void look_at(struct connection *c, bool is_over)
{
    bool may_queue;

    if (c->state == TCP_CLOSED)
        return;
    may_queue = tcp_may_queue(c);
    if (is_over || (may_queue && c->events.handler))
        tcp_schedule(c);
    if (may_queue)
        wake_all(&c->writable);
}

void tcp_check_memory(void *ctx)
{
    struct tcpv4 *tcp = ctx;
    bool          is_over = !is_below(6);

    if (is_below(16))
        relieve(tcp);
    for (size_t i = 0; i < tcp->pool.used; i++)
        look_at(tcp_pool_at(&tcp->pool, i), is_over);
    if (!is_over)
        wheel_set(tcp->wheel, &tcp->memory, time_after(LOOK));
}

void tcp_memory_low(struct tcpv4 *tcp)
{
    if (!wheel_is_set(&tcp->memory))
        wheel_set(tcp->wheel, &tcp->memory, time_after(LOOK));
}
