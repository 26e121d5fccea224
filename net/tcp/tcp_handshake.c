/* SPDX-License-Identifier: ISC */
/*
 * The handshake: segments in LISTEN (RFC 9293, 3.10.7.2) and SYN-SENT
 * (3.10.7.3). A listener with too many half-open connections answers by SYN
 * cookies (RFC 4987, 3.6).
 */
#include "tcp_arrival.h"
#include "tcp_cookie.h"
#include "tcp_handshake.h"
#include "tcp_memory.h"
#include <mirage/log.h>
#include <mirage/macros.h>
#include <mirage/random.h>
#include <mirage/text.h>

#define LEAST_MSS 64

extern struct log_source tcpv4;

/* Initialises the receive side by the peer's SYN and its options. */
static void apply_syn(struct connection *c, const struct arrival *a)
{
    const struct tcp_segment *s = &a->s;
    uint16_t mss = s->has_mss ? s->mss : TCP_DEFAULT_MSS;

    c->irs = s->seq;
    c->rcv.nxt = s->seq + 1;
    c->rcv.adv = c->rcv.nxt + 65535;
    c->ts.last_ack_sent = c->rcv.nxt;
    mss = max(mss, LEAST_MSS);
    c->mss = min(mss, c->our_mss);
    if (s->has_scale) {
        c->snd.wind_shift = s->scale;
        c->rcv.wind_shift = TCP_SCALE;
    }
    c->sack.permitted = s->may_sack;
    ecn_on_syn(c, s->flags);
    c->ts.is_on = s->has_timestamps;
    if (c->ts.is_on) {
        c->mss = (uint16_t)(c->mss - TCP_TIMESTAMPS);
        c->ts.recent = s->time;
        c->ts.recent_at = time_now();
    }
    c->path.max_mss = c->path.probed_mss = c->mss;
    arrival_set_window(c, a);
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

/* Counts the connection for its peer, and hands it to the application, which
 * holds it then; or resets it. */
static void accept(struct connection *c)
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

void tcp_establish(struct connection *c)
{
    bool passive = c->state == TCP_SYN_RECEIVED && c->is_passive;

    /* RFC 6928, 2: after a lost SYN the first window is one segment. */
    congestion_begin(c);
    if (c->rtt.backoff > 0) {
        c->cwnd = c->mss;
        c->rtt.rto = TCP_RTO_SLOW;
    }
    c->rtt.backoff = 0;
    c->state = TCP_ESTABLISHED;
    if (c->options.keepalive_idle)
        tcp_set_clock(c, TCP_KEEP_ALIVE,
                      time_after(c->options.keepalive_idle));
    wake_all(&c->writable);
    if (passive) {
        tcp_remove_half_open(c);
        accept(c);
    }
}

/*
 * Answers a SYN by a cookie, without keeping anything: too many connections are
 * half open. Only a timestamp has room for the window scale and SACK, so a peer
 * without timestamps is offered neither: what is offered would be in force
 * (RFC 7323, 2.2).
 */
static void send_cookie(struct tcpv4 *tcp, struct tcp_listener *l,
                        const struct endpoint *local,
                        const struct endpoint *peer, const struct arrival *a)
{
    struct connection c;

    tcp_init(&c, tcp, *local, *peer);
    tcp_set_iss(&c, tcp_make_cookie(tcp, local, peer, &a->s));
    c.state = TCP_SYN_RECEIVED;
    apply_syn(&c, a);
    if (c.ts.is_on) {
        c.ts.offset += tcp_make_cookie_timestamp(tcp_timestamp(&c), &a->s) -
                       tcp_timestamp(&c);
    } else {
        c.rcv.wind_shift = 0;
        c.sack.permitted = false;
    }
    tcp_send(&c, c.iss, 0, TCP_SYN | TCP_ACK);
    tcp->counters.cookies_out++;
    l->cookies = time_after(TCP_COOKIE_LIFE);
}

/* Opens a connection by a SYN cookie, if the limits allow it (NULL: they do
 * not). False: the segment returns no cookie. */
static bool accept_cookie(struct tcpv4 *tcp, struct tcp_listener *l,
                          const struct ipv4_packet *packet,
                          const struct arrival *a, struct connection **made)
{
    struct endpoint local = {packet->to, a->s.to};
    struct endpoint peer = {packet->from, a->s.from};
    struct arrival syn = {.is_syn = true};
    struct connection *c;

    if (l->cookies < time_now() || a->s.flags & (TCP_RST | TCP_SYN) ||
        !tcp_check_cookie(tcp, &local, &peer, &a->s, &syn.s))
        return false;
    if (syn.s.has_timestamps && !a->s.has_timestamps) {
        tcp->counters.missing_timestamps++;
        return true; /* RFC 7323, 3.2 */
    }
    /* Check before displacing: a connection over the limit is reset anyway. */
    if (!tcp_peer_has_quota(tcp, l, peer.ip)) {
        tcp->counters.over_peer_limit++;
        tcp_reply_reset(tcp, NULL, packet, &a->s, a->len);
        return true;
    }
    if (!tcp_may_accept(l) ||
        !(c = tcp_create_displacing(tcp, local, peer))) {
        tcp->counters.dropped_syns++;
        return true; /* the peer retransmits its data */
    }
    tcp->counters.cookies_in++;
    tcp_set_iss(c, a->s.ack - 1);
    c->snd.nxt = a->s.ack;
    c->syn_due = false;
    tcp_add_half_open(c, l);
    apply_syn(c, &syn);
    *made = c;
    return true;
}

struct connection *tcp_process_listen(struct tcpv4 *tcp,
                                      const struct ipv4_packet *packet,
                                      struct arrival *a,
                                      const uint32_t *least)
{
    struct tcp_listener *l = tcp->is_ending ? NULL
                                            : tcp_find_listener(tcp, a->s.to);
    struct endpoint local = {packet->to, a->s.to};
    struct endpoint peer = {packet->from, a->s.from};
    struct connection *c = NULL;

    if (!l || a->s.flags & TCP_ACK) {
        if (l && accept_cookie(tcp, l, packet, a, &c))
            return c;
        tcp->counters.no_connection++;
        tcp_reply_reset(tcp, NULL, packet, &a->s, a->len);
        return NULL;
    }
    /* Drop SYN+FIN: no legitimate peer sends it. */
    if ((a->s.flags & (TCP_SYN | TCP_RST | TCP_FIN)) != TCP_SYN)
        return NULL;
    if (!tcp_peer_has_quota(tcp, l, peer.ip)) {
        tcp->counters.over_peer_limit++;
        tcp_reply_reset(tcp, NULL, packet, &a->s, a->len);
        return NULL;
    }
    /* A SYN never displaces a connection: its source may be spoofed. A cookie
     * that is returned proves the address. */
    if (tcp_may_accept(l) &&
        (!tcp_may_half_open(tcp, l) ||
         (!tcp_has_room(tcp) && tcp_peer_choose_victim(tcp, peer.ip)))) {
        send_cookie(tcp, l, &local, &peer, a);
        return NULL;
    }
    c = tcp_may_accept(l) ? tcp_create(tcp, local, peer) : NULL;
    if (!c) {
        tcp->counters.dropped_syns++;
        return NULL;
    }
    if (least && !seq_after(c->iss, *least))
        tcp_set_iss(c, *least + 65536 + random_below(65536));
    tcp_add_half_open(c, l);
    apply_syn(c, a);
    tcp_schedule(c);
    return NULL;
}

bool tcp_process_syn_sent(struct connection *c, struct arrival *a,
                          const struct ipv4_packet *packet)
{
    const struct tcp_segment *s = &a->s;
    bool has_ack = s->flags & TCP_ACK;

    if (has_ack && s->ack != c->iss + 1) {
        tcp_reply_reset(c->tcp, c, packet, s, a->len);
        return false;
    }
    if (s->flags & TCP_RST) {
        if (has_ack)
            tcp_end(c, ERR_REFUSED);
        return false;
    }
    if (!(s->flags & TCP_SYN))
        return false;
    apply_syn(c, a);
    if (!has_ack) { /* simultaneous open */
        if (a->len > 0 && tcp_may_receive(c)) { /* kept until ESTABLISHED */
            c->syn_data = a->data;
            c->syn_data_len = a->len;
            a->data = NULL;
        }
        c->state = TCP_SYN_RECEIVED;
        c->syn_due = true;
        tcp_schedule(c);
        return false;
    }
    c->snd.una = s->ack;
    if (c->rtt.backoff == 0)
        rtt_update(c, time_now() - c->last_sent);
    c->unanswered_since = 0;
    c->clock[TCP_RETRANSMIT] = FOREVER;
    tcp_establish(c);
    c->ack.now = true;
    a->s.flags &= (uint8_t)~TCP_SYN;
    a->s.seq++;
    return true;
}
