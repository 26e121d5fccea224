/* SPDX-License-Identifier: ISC */
/*
 * Relief when pages are scarce (decision 0020; the limits are in tcp_memory.c).
 * When a connection that holds no pages is refused one, the connection with the
 * largest product of pages and idle time is reset.
 */
#include "tcp.h"
#include "tcp_memory.h"
#include "tcp_relief.h"

#define IDLE (2 * SECOND) /* a queue that moved since is not idle */

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
        read = buf_count(c->rcvq.first);
        queue = buf_count(c->sndq.first);
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
    bool is_over = !tcp_pages_below(6);

    if (tcp_pages_below(16))
        relieve(tcp);
    for (size_t i = 0; i < tcp->pool.used; i++)
        resume(tcp_pool_at(&tcp->pool, i), is_over);
    if (!is_over)
        wheel_set(tcp->wheel, &tcp->memory, time_after(TCP_MEMORY_INTERVAL));
}
