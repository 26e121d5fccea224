/* SPDX-License-Identifier: ISC */
/*
 * Creation of connections, and active open (RFC 9293, 3.10.1). When the pool is
 * full, the oldest connection in TIME-WAIT is ended, or one of the peer with
 * most connections is displaced (decision 0020).
 */
#include "tcp.h"
#include "tcp_expiry.h"
#include <mirage/log.h>
#include <mirage/random.h>
#include <mirage/text.h>
#include <string.h>

#define EPHEMERAL 1024 /* the lowest ephemeral port (RFC 6056, 3.2) */

LOG_SOURCE_SHARED(tcpv4);

bool tcp_has_room(const struct tcpv4 *tcp)
{
    return tcp->pool.in_use < tcp->pool.limit + tcp->pool.spare ||
           tcp_oldest_in_time_wait(tcp) != NULL;
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

    if (!c && (old = tcp_oldest_in_time_wait(tcp))) {
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
    c->timer.expired = tcp_on_timer;
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

/* Sends a SYN; the statuses of tcpv4_open. */
static enum status start_open(struct tcpv4 *tcp, struct endpoint to,
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
    enum status s = start_open(tcp, to, &c);

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

enum status tcpv4_begin(struct tcpv4 *tcp, struct endpoint to,
                        flow_event_handler *fn, void *ctx, struct flow **flow)
{
    struct connection *c;
    enum status s = start_open(tcp, to, &c);

    if (s != OK)
        return s;
    c->events.handler = fn;
    c->events.ctx = ctx;
    *flow = &c->flow;
    return OK;
}
