/* SPDX-License-Identifier: ISC */
/*
 * Limits by free pages of the pool, which all queues of all connections share
 * (decision 0020):
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
#include "tcp.h"
#include "tcp_memory.h"

#define LOOK (100 * MILLISECOND)
#define IDLE (2 * SECOND) /* a queue that moved since is not idle */

static bool is_below(size_t part)
{
    return buf_pages_free() < buf_pages() / part;
}

bool tcp_memory_is_low(void)
{
    return is_below(8);
}

/* May a connection that holds len bytes have more? */
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
    return c->shut_reading || /* the data are dropped */
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

/* Pages times idle milliseconds. */
static uint64_t weight_of(size_t pages, nanoseconds since)
{
    nanoseconds idle = time_now() - since;

    return idle < IDLE ? 0 : pages * (idle / MILLISECOND);
}

/* Frees pages. An out-of-order queue can be dropped without harm: the peer
 * retransmits (RFC 2018, 8). Only when there is none is a connection reset, and
 * only if connections hold a quarter of the pages. */
static void relieve(struct tcpv4 *tcp)
{
    struct connection *early = NULL, *worst = NULL;
    uint64_t most = 0;
    size_t all = 0;

    for (size_t i = 0; i < tcp->pool.used; i++) {
        struct connection *c = tcp_pool_at(&tcp->pool, i);
        size_t read, queue;
        uint64_t weight;

        if (c->state == TCP_CLOSED && !c->is_held)
            continue;
        read = count(c->rcvq.first);
        queue = count(c->sndq.first);
        all += read + queue;
        weight = weight_of(read, c->rcvq.progress_at) +
                 weight_of(queue, c->sndq.progress_at);
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

/* Lets a connection go on that was refused pages. */
static void resume(struct connection *c, bool is_over)
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
    bool is_over = !is_below(6);

    if (is_below(16))
        relieve(tcp);
    for (size_t i = 0; i < tcp->pool.used; i++)
        resume(tcp_pool_at(&tcp->pool, i), is_over);
    if (!is_over)
        wheel_set(tcp->wheel, &tcp->memory, time_after(LOOK));
}

void tcp_memory_low(struct tcpv4 *tcp)
{
    if (!wheel_is_set(&tcp->memory))
        wheel_set(tcp->wheel, &tcp->memory, time_after(LOOK));
}
