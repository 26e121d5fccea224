/* SPDX-License-Identifier: ISC */
/*
 * A TCP stack: its creation, the work fiber, the end of the image, counters.
 */
#include "tcp.h"
#include "tcp_icmp.h"
#include "tcp_input.h"
#include "tcp_relief.h"
#include <mirage/boot.h>
#include <mirage/macros.h>
#include <mirage/random.h>
#include <net/fiber_stop.h>
#include <net/ipv4_wheel.h>
#include <stdlib.h>
#include <string.h>

/*
 * Segments are processed in the driver's fiber, which only schedules output.
 * The work fiber sends when the driver has delivered its batch and the
 * applications have run: so a batch is acknowledged by one ACK, or by the
 * application's response.
 */

/* At the end of the image: the interval of polling, and how long to wait for
 * the FIN of peers that have acknowledged ours. */
#define LOOK      (10 * MILLISECOND)
#define PEERS_END (300 * MILLISECOND)

static const struct tcp_congestion *chosen = &tcp_cubic;

static const char *parse_congestion(const char *value)
{
    if (strcmp(value, "cubic") == 0)
        chosen = &tcp_cubic;
    else if (strcmp(value, "newreno") == 0)
        chosen = &tcp_newreno;
    else
        return "cubic or newreno";
    return NULL;
}

BOOT_PARSED(tcp_congestion, "NAME", parse_congestion,
            "how TCP finds its pace: cubic (the default) or newreno");

static void work(void *ctx)
{
    struct tcpv4 *tcp = ctx;

    for (;;) {
        while (!tcp->work)
            if (wait_until(&tcp->worker, FOREVER) == ERR_CANCELLED)
                return;
        /* Applications that were woken by the segments run first: they may
         * respond. */
        if (fiber_yield() == ERR_CANCELLED)
            return;
        while (tcp->work) {
            struct connection *c = tcp->work;

            tcp_unschedule(c);
            if (c->events.handler || c->events.is_new)
                tcp_deliver_events(c);
            tcp_output(c);
        }
    }
}

enum status tcpv4_connect(struct ipv4 *ip, struct tcpv4 **made)
{
    struct tcpv4 *t = calloc(1, sizeof *t);
    /* Each has a window of a page, of which there are four. */
    size_t most = 4 * buf_pages(), runs = min(most, (size_t)TCP_OOO_RUNS);

    if (!t || tcp_pool_init(&t->pool) != OK) {
        free(t);
        return ERR_NO_MEMORY;
    }
    t->sent_limit = min(most, (size_t)TCP_SENT);
    t->ooo_pool = calloc(runs, sizeof *t->ooo_pool);
    t->sent_pool = calloc(t->sent_limit, sizeof *t->sent_pool);
    if (!t->ooo_pool || !t->sent_pool ||
        fiber_spawn(&(struct fiber_options){"tcp", 0}, work, t,
                    &t->work_fiber) != OK) {
        tcp_pool_free(&t->pool);
        free(t->ooo_pool);
        free(t->sent_pool);
        free(t);
        return ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < runs; i++) {
        t->ooo_pool[i].next = t->ooo_free;
        t->ooo_free = &t->ooo_pool[i];
    }
    t->ooo_free_count = (unsigned)runs;
    t->ip = ip;
    t->congestion = chosen;
    t->ecn = ecn_default();
    t->wheel = ipv4_wheel(ip);
    t->memory.expired = tcp_check_memory;
    t->memory.ctx = t;
    random_bytes(&t->secret, sizeof t->secret);
    random_bytes(&t->ooo_random, sizeof t->ooo_random);
    ipv4_listen(ip, PROTOCOL_TCP, tcp_input, tcp_icmp_error, t);
    *made = t;
    return OK;
}

void tcpv4_set_congestion(struct tcpv4 *tcp, enum tcpv4_congestion which)
{
    tcp->congestion = which == TCPV4_NEWRENO ? &tcp_newreno : &tcp_cubic;
}

void tcpv4_set_ecn(struct tcpv4 *tcp, enum tcpv4_ecn ecn)
{
    tcp->ecn = ecn;
}

void tcpv4_reset(struct tcpv4 *tcp, enum status why)
{
    for (size_t i = 0; i < tcp->pool.used; i++)
        tcp_end(tcp_pool_at(&tcp->pool, i), why);
}

/*
 * CLOSE at the end of the image. The application may still hold the flow:
 * reading is shut without waking it, so that a handler does not mistake the end
 * of the image for that of its peer.
 */
static void end_for_good(struct connection *c)
{
    if (c->state == TCP_CLOSED || c->state == TCP_TIMED_WAIT)
        return;
    if (c->state == TCP_SYN_SENT || c->state == TCP_SYN_RECEIVED ||
        c->rcvq.len > 0) {
        tcp_abort(c, ERR_GONE);
        return;
    }
    c->shut_reading = true;
    flow_shutdown(&c->flow, FLOW_WRITING);
}

/* Is some data, or our FIN, not acknowledged? */
static bool is_unsettled(const struct connection *c)
{
    return c->state != TCP_CLOSED && c->state != TCP_TIMED_WAIT &&
           c->state != TCP_FIN_WAIT_2;
}

/* Does it still wait for the peer's FIN? */
static bool is_open(const struct connection *c)
{
    return c->state != TCP_CLOSED && c->state != TCP_TIMED_WAIT;
}

static bool any(struct tcpv4 *tcp, bool (*is_so)(const struct connection *c))
{
    for (size_t i = 0; i < tcp->pool.used; i++)
        if (is_so(tcp_pool_at(&tcp->pool, i)))
            return true;
    return false;
}

/* Polls, since connections end in many ways. */
static enum status wait_while(struct tcpv4 *tcp,
                              bool (*is_so)(const struct connection *c),
                              nanoseconds deadline)
{
    while (any(tcp, is_so)) {
        enum status s = time_now() >= deadline ? ERR_TIMEOUT
                                               : time_sleep(LOOK);

        if (s != OK)
            return s;
    }
    return OK;
}

enum status tcpv4_drain(struct tcpv4 *tcp, nanoseconds deadline)
{
    nanoseconds now = time_now(), left = deadline > now ? deadline - now : 0;
    nanoseconds last = deadline - left / 8; /* so that resets can be sent */
    enum status s;

    tcp->is_ending = true;
    if (!any(tcp, is_open))
        return OK;
    for (size_t i = 0; i < tcp->pool.used; i++)
        end_for_good(tcp_pool_at(&tcp->pool, i));
    s = wait_while(tcp, is_unsettled, last);
    if (time_after(PEERS_END) < last)
        last = time_after(PEERS_END);
    if (s == OK)
        (void)!wait_while(tcp, is_open, last);
    for (size_t i = 0; i < tcp->pool.used; i++)
        if (is_open(tcp_pool_at(&tcp->pool, i)))
            tcp_abort(tcp_pool_at(&tcp->pool, i), ERR_GONE);
    if (time_sleep(LOOK) != OK)
        (void)!fiber_yield(); /* let the driver send them */
    return s;
}

static bool is_held(const struct connection *c)
{
    return c->is_held;
}

/* Ends all listeners. One that has connections is freed with the last. */
static void end_listeners(struct tcpv4 *tcp)
{
    struct tcp_listener *next;

    for (struct tcp_listener *l = tcp->listeners; l; l = next) {
        next = l->next;
        l->fn = NULL;
        tcp_free_listener_if_unused(tcp, l);
    }
}

void tcpv4_disconnect(struct tcpv4 *tcp)
{
    tcp->is_ending = true;
    end_listeners(tcp);
    tcpv4_reset(tcp, ERR_GONE);
    fiber_shield();
    while (wait_while(tcp, is_held, FOREVER) != OK)
        continue;
    fiber_unshield();
    ipv4_listen(tcp->ip, PROTOCOL_TCP, NULL, NULL, NULL);
    fiber_stop(tcp->work_fiber);
    wheel_clear(tcp->wheel, &tcp->memory);
    tcp_pool_free(&tcp->pool);
    tcp_peers_free(&tcp->peers);
    free(tcp->ooo_pool);
    free(tcp->sent_pool);
    free(tcp);
}

void tcpv4_counters(const struct tcpv4 *tcp, counter_handler *fn, void *ctx)
{
#define NAME(name) "tcp_" #name "\0"
    static const char names[] = TCP_COUNTERS(NAME);
#undef NAME
    const uint64_t *value = (const uint64_t *)&tcp->counters;

    fn(ctx, "tcp_connections", tcp->count);
    for (const char *name = names; *name; name += strlen(name) + 1)
        fn(ctx, name, *value++);
}
