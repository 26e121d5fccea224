/* SPDX-License-Identifier: ISC */
/*
 * Listeners, the life of a connection, and the work fiber.
 *
 * Segments are processed in the driver's fiber, which only schedules output.
 * The work fiber sends when the driver has delivered its batch and the
 * applications have run: so a batch is acknowledged by one ACK, or by the
 * application's response.
 */
#include "tcp.h"
#include "tcp_input.h"
#include "tcp_memory.h"
#include <mirage/log.h>
#include <mirage/panic.h>
#include <mirage/random.h>
#include <mirage/text.h>
#include <stdlib.h>
#include <string.h>

#define EPHEMERAL 1024 /* the lowest ephemeral port (RFC 6056, 3.2) */

/* At the end of the image: the interval of polling, and how long to wait for
 * the FIN of peers that have acknowledged ours. */
#define LOOK      (10 * MILLISECOND)
#define PEERS_END (300 * MILLISECOND)

LOG_SOURCE(tcpv4);

struct tcp_listener *tcp_find_listener(struct tcpv4 *tcp, uint16_t port)
{
    struct tcp_listener *l = tcp->listeners;

    while (l && (l->port != port || !l->fn))
        l = l->next;
    return l;
}

/* Frees a listener that is closed and has no connections. */
static void free_if_over(struct tcpv4 *tcp, struct tcp_listener *l)
{
    struct tcp_listener **at = &tcp->listeners;

    if (l->fn || l->half_open > 0 || l->handlers > 0)
        return;
    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    free(l);
}

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

static void unschedule(struct connection *c)
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

void tcp_free(struct connection *c)
{
    require(c->state == TCP_CLOSED && !c->is_held);
    unschedule(c);
    buf_free(c->rcvq.first);
    c->rcvq.first = NULL;
    if (c->peers.is_displaced)
        c->tcp->pool.spare--;
    tcp_pool_release(&c->tcp->pool, c);
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

void tcp_end(struct connection *c, enum status why)
{
    struct tcpv4 *tcp = c->tcp;

    if (c->state == TCP_CLOSED)
        return;
    if (c->state == TCP_SYN_RECEIVED && c->is_passive) {
        tcp_remove_half_open(c);
        free_if_over(tcp, c->listener);
    }
    if (c->state == TCP_TIMED_WAIT)
        leave_time_wait(c);
    if (why != OK)
        tcp->counters.failed++;
    tcp_pool_unlink(c);
    tcp_peer_remove(c);
    unschedule(c);
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

/* The connection that has been in TIME-WAIT for longest, if no application
 * holds it. */
static struct connection *oldest_in_time_wait(const struct tcpv4 *tcp)
{
    struct connection *c = tcp->oldest;

    while (c && c->is_held)
        c = c->newer;
    return c;
}

bool tcp_has_room(const struct tcpv4 *tcp)
{
    return tcp->pool.in_use < tcp->pool.limit + tcp->pool.spare ||
           oldest_in_time_wait(tcp) != NULL;
}

static void refuse_for_room(struct tcpv4 *tcp)
{
    tcp->counters.no_room++;
    if (tcp->was_full)
        return;
    tcp->was_full = true;
    log_warning(&tcpv4, "all %zu connections are taken: others are refused "
                        "(--tcp-connections=N allows more)",
                tcp->pool.limit);
}

static struct connection *alloc_or_evict(struct tcpv4 *tcp)
{
    struct connection *c = tcp_pool_alloc(&tcp->pool), *old;

    if (!c && (old = oldest_in_time_wait(tcp))) {
        tcp_end(old, OK);
        c = tcp_pool_alloc(&tcp->pool);
    }
    if (!c)
        refuse_for_room(tcp);
    return c;
}

/* Resets a connection of the peer that holds most, if ip holds fewer. */
static void displace(struct tcpv4 *tcp, struct ip_address ip)
{
    struct connection *c = tcp_peer_choose_victim(tcp, ip);

    if (!c || tcp->pool.spare >= TCP_SPARE)
        return;
    tcp->counters.displaced++;
    if (!tcp->has_displaced)
        log_warning(&tcpv4, "all %zu connections are taken, most of them by "
                            "%s: one of its own is reset for each new peer",
                    tcp->pool.limit, ip_text(c->peer.ip).s);
    tcp->has_displaced = true;
    if (c->is_held) {
        c->peers.is_displaced = true;
        tcp->pool.spare++;
    }
    tcp_abort(c, ERR_NO_MEMORY);
}

void tcp_set_iss(struct connection *c, uint32_t iss)
{
    c->iss = c->snd.una = c->snd.nxt = c->rtt.next_sample = c->rack.fack = iss;
    c->syn_due = true;
    c->sndq.seq = c->recovery.point = iss + 1;
}

void tcp_init(struct connection *c, struct tcpv4 *tcp, struct endpoint local,
              struct endpoint peer)
{
    memset(c, 0, sizeof *c);
    c->flow.ops = &tcp_flow_ops;
    c->tcp = tcp;
    c->local = local;
    c->peer = peer;
    /* RFC 6528, 3: a clock of 4 us and a keyed hash of the endpoints. */
    tcp_set_iss(c, (uint32_t)(time_now() / (4 * MICROSECOND)) +
                       (uint32_t)tcp_hash(tcp, &local, &peer, 1));
    c->ts.offset = (uint32_t)tcp_hash(tcp, &local, &peer, 2);
    c->sndq.limit = c->rcvq.limit = TCP_QUEUE_FIRST;
    c->mss = TCP_DEFAULT_MSS;
    c->our_mss = (uint16_t)(ipv4_mtu(tcp->ip) - IPV4_HEADER - TCP_HEADER);
    c->rtt.rto = TCP_RTO_FIRST;
    c->rack.reo_wnd_mult = 1;
    c->ack.quick = TCP_FIRST_QUICK;
    c->last_heard = time_now();
    c->congestion = tcp->congestion;
    for (int i = 0; i < TCP_CLOCKS; i++)
        c->clock[i] = FOREVER;
    c->timer.ring = tcp_on_timer;
    c->timer.ctx = c;
}

struct connection *tcp_create(struct tcpv4 *tcp, struct endpoint local,
                              struct endpoint peer)
{
    struct connection *c = alloc_or_evict(tcp);

    if (!c)
        return NULL;
    tcp_init(c, tcp, local, peer);
    tcp_pool_link(c);
    tcp->count++;
    return c;
}

struct connection *tcp_create_displacing(struct tcpv4 *tcp,
                                         struct endpoint local,
                                         struct endpoint peer)
{
    if (!tcp_has_room(tcp))
        displace(tcp, peer.ip);
    return tcp_create(tcp, local, peer);
}

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

            unschedule(c);
            if (c->events.handler || c->events.is_new)
                tcp_deliver_events(c);
            tcp_output(c);
        }
    }
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

static void run_handler(void *ctx)
{
    struct connection *c = ctx;
    const struct tcp_listener *l = c->listener;

    c->flow.is_handlers = true;
    if (l->fn)
        l->fn(l->ctx, &c->flow, c->peer);
    else
        flow_abort(&c->flow); /* the listener has been closed since */
    c->flow.is_handlers = false;
    flow_close(&c->flow);
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
    free_if_over(c->tcp, l);
}

/* Schedules the call of the listener, or starts a handler's fiber;
 * ERR_NO_MEMORY. */
static enum status serve(struct connection *c)
{
    const struct tcp_listener *l = c->listener;
    char name[16];
    struct fiber_options fiber = {name, l->options.stack};

    if (l->accepted) {
        c->events.is_new = true;
        tcp_schedule(c);
        return OK;
    }
    (void)text_format(name, sizeof name, "tcp:%u", l->port);
    return fiber_start_with(&fiber, run_handler, c);
}

void tcp_accept(struct connection *c)
{
    const struct tcp_listener *l = c->listener;
    struct tcpv4 *tcp = c->tcp;

    if (!tcp_peer_has_quota(tcp, l, c->peer.ip)) {
        tcp->counters.over_peer_limit++;
        tcp_send_reset(c);
        tcp_end(c, ERR_REFUSED);
        return;
    }
    tcp->counters.accepted++;
    c->is_held = c->is_handled = true;
    c->listener->handlers++;
    if (tcp_peer_add(c) == OK && serve(c) == OK)
        return;
    tcp->counters.no_room++;
    if (!tcp->was_without_memory)
        log_warning(&tcpv4, "no memory to serve %s: its connection is reset, "
                            "and so are others while there is none",
                    ip_text(c->peer.ip).s);
    tcp->was_without_memory = true;
    tcp_release(c);
    tcp_send_reset(c);
    tcp_end(c, ERR_NO_MEMORY);
}

enum status tcpv4_connect(struct ipv4 *ip, struct tcpv4 **made)
{
    struct tcpv4 *t = calloc(1, sizeof *t);

    if (!t || tcp_pool_init(&t->pool) != OK) {
        free(t);
        return ERR_NO_MEMORY;
    }
    t->ooo_pool = calloc(TCP_OOO_RUNS, sizeof *t->ooo_pool);
    t->sent_pool = calloc(TCP_SENT, sizeof *t->sent_pool);
    if (!t->ooo_pool || !t->sent_pool ||
        fiber_start_as("tcp", work, t) != OK) {
        tcp_pool_free(&t->pool);
        free(t->ooo_pool);
        free(t->sent_pool);
        free(t);
        return ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < TCP_OOO_RUNS; i++) {
        t->ooo_pool[i].next = t->ooo_free;
        t->ooo_free = &t->ooo_pool[i];
    }
    t->ooo_free_count = TCP_OOO_RUNS;
    t->ip = ip;
    t->congestion = congestion_default();
    t->ecn = ecn_default();
    t->wheel = ipv4_wheel(ip);
    t->memory.ring = tcp_check_memory;
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
            free_if_over(tcp, l);
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

/* A random port without a listener, and without a connection to the same peer
 * (RFC 6056, 3.2 and 3.3.1); 0: none. */
static uint16_t free_port(struct tcpv4 *tcp, struct endpoint to)
{
    for (int tries = 0; tries < 1000; tries++) {
        uint16_t port = (uint16_t)(EPHEMERAL + random_below(65536 - EPHEMERAL));

        if (!tcp_find(tcp, (struct endpoint){ipv4_own(tcp->ip), port}, to) &&
            !tcp_find_listener(tcp, port))
            return port;
    }
    return 0;
}

enum status tcp_start_open(struct tcpv4 *tcp, struct endpoint to,
                           struct connection **made)
{
    struct endpoint local = {ipv4_own(tcp->ip), free_port(tcp, to)};
    struct connection *c;

    /* RFC 9293, 3.9.1.1: no multicast or broadcast; nor without a route. */
    if (ipv4_number(local.ip) == 0 || ipv4_number(to.ip) >> 28 >= 14 ||
        ipv4_is_broadcast(tcp->ip, to.ip) || !ipv4_reaches(tcp->ip, to.ip))
        return ERR_UNREACHABLE;
    if (local.port == 0 || !(c = tcp_create_displacing(tcp, local, to)))
        return ERR_NO_MEMORY;
    tcp->counters.opened++;
    c->is_held = true;
    c->state = TCP_SYN_SENT;
    tcp_output(c);
    *made = c;
    return OK;
}

enum status tcpv4_open(struct tcpv4 *tcp, struct endpoint to,
                       nanoseconds deadline, struct flow **flow)
{
    struct connection *c;
    enum status s = tcp_start_open(tcp, to, &c);

    if (s != OK)
        return s;
    while (s == OK &&
           (c->state == TCP_SYN_SENT || c->state == TCP_SYN_RECEIVED))
        s = wait_until(&c->writable, deadline);
    if (s == OK && c->state == TCP_CLOSED)
        s = c->error ? c->error : ERR_RESET;
    if (s == OK) {
        *flow = &c->flow;
        return OK;
    }
    c->is_held = false;
    if (c->state == TCP_CLOSED) {
        tcp_free(c);
    } else {
        tcp_send_reset(c); /* the peer may be in SYN-RECEIVED */
        tcp_end(c, s);
    }
    return s;
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

void tcpv4_counters(const struct tcpv4 *tcp, counter_handler *fn, void *ctx)
{
    const struct tcp_counters *n = &tcp->counters;

    fn(ctx, "tcp_connections", tcp->count);
    fn(ctx, "tcp_opened", n->opened);
    fn(ctx, "tcp_accepted", n->accepted);
    fn(ctx, "tcp_failed", n->failed);
    fn(ctx, "tcp_dropped_syns", n->dropped_syns);
    fn(ctx, "tcp_no_room", n->no_room);
    fn(ctx, "tcp_displaced", n->displaced);
    fn(ctx, "tcp_over_peer_limit", n->over_peer_limit);
    fn(ctx, "tcp_cookies_out", n->cookies_out);
    fn(ctx, "tcp_cookies_in", n->cookies_in);
    fn(ctx, "tcp_segments_in", n->in);
    fn(ctx, "tcp_malformed", n->malformed);
    fn(ctx, "tcp_no_connection", n->no_connection);
    fn(ctx, "tcp_out_of_window", n->out_of_window);
    fn(ctx, "tcp_stale_timestamps", n->stale_timestamps);
    fn(ctx, "tcp_missing_timestamps", n->missing_timestamps);
    fn(ctx, "tcp_duplicates_in", n->duplicates_in);
    fn(ctx, "tcp_held", n->held);
    fn(ctx, "tcp_held_dropped", n->held_dropped);
    fn(ctx, "tcp_starved", n->starved);
    fn(ctx, "tcp_relieved", n->relieved);
    fn(ctx, "tcp_resets_in", n->resets_in);
    fn(ctx, "tcp_segments_out", n->out);
    fn(ctx, "tcp_retransmitted", n->retransmitted);
    fn(ctx, "tcp_fast_retransmits", n->fast_retransmits);
    fn(ctx, "tcp_tail_probes", n->tail_probes);
    fn(ctx, "tcp_timeouts", n->timeouts);
    fn(ctx, "tcp_undone", n->undone);
    fn(ctx, "tcp_reneged", n->reneged);
    fn(ctx, "tcp_repeats_in", n->repeats_in);
    fn(ctx, "tcp_marks_in", n->marks_in);
    fn(ctx, "tcp_marks_echoed", n->marks_echoed);
    fn(ctx, "tcp_path_probes", n->path_probes);
    fn(ctx, "tcp_path_reduced", n->path_reduced);
    fn(ctx, "tcp_black_holes", n->black_holes);
    fn(ctx, "tcp_probes", n->probes);
    fn(ctx, "tcp_resets_out", n->resets_out);
    fn(ctx, "tcp_challenges", n->challenges);
}
