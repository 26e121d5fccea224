/* SPDX-License-Identifier: ISC */
/*
 * Expiry of timers: retransmission (RFC 6298, 5), window probes, tail loss
 * probes (RFC 8985, 7.3), keep-alives and the user timeout (RFC 9293, 3.8).
 */
#include "tcp.h"
#include "tcp_expiry.h"
#include <mirage/macros.h>

static bool has_unsent(const struct connection *c)
{
    uint32_t end = c->sndq.seq + c->sndq.len + c->shut_writing;

    return seq_before(c->snd.nxt, end);
}

static bool has_timed_out(const struct connection *c)
{
    bool is_opening = c->state == TCP_SYN_SENT ||
                      c->state == TCP_SYN_RECEIVED;

    return (is_opening && c->rtt.backoff >= TCP_SYN_TRIES) ||
           (c->unanswered_since && time_now() >= tcp_user_deadline(c));
}

static void abort_by_timeout(struct connection *c)
{
    tcp_send_reset(c);
    tcp_end(c, ERR_TIMEOUT);
}

/* The user timeout (RFC 9293, 3.8.3), from the time of the first segment that
 * is not acknowledged. ACKs do not postpone the deadline, so it may be early.
 */
static void on_user_timeout(struct connection *c)
{
    if (!c->unanswered_since)
        return;
    if (has_timed_out(c))
        abort_by_timeout(c);
    else
        tcp_set_clock(c, TCP_GIVE_UP, tcp_user_deadline(c));
}

/*
 * Window probe (RFC 9293, 3.8.6.1): one byte, or as many as a window of less
 * than a segment allows.
 */
static void send_window_probe(struct connection *c)
{
    uint32_t len = c->snd.wnd > 0 ? c->snd.wnd : 1;

    len = min(len, c->sndq.len);
    len = min(len, c->mss);
    c->tcp->counters.probes++;
    if (!c->unanswered_since)
        tcp_set_unanswered(c, time_now());
    if (c->sent.first) { /* the last probe, or a part of it */
        if (len == 0)
            tcp_retransmit(c, c->sent.first);
        else
            tcp_retransmit_first(c, len);
    } else if (len == 0) { /* only a FIN is left: it needs no window */
        tcp_output(c);
    } else {
        tcp_send(c, c->snd.una, len, TCP_ACK | TCP_PSH);
        sent_add(c, c->snd.una + len);
    }
}

static void on_retransmit(struct connection *c)
{
    bool is_opening = c->state == TCP_SYN_SENT || c->state == TCP_SYN_RECEIVED;

    if (c->snd.una == c->snd.nxt && !has_unsent(c))
        return;
    if (has_timed_out(c)) {
        abort_by_timeout(c);
        return;
    }
    /* Without a page nothing can be sent, so this is no timeout. */
    if (buf_pages_free() == 0) {
        tcp_set_clock(c, TCP_RETRANSMIT, time_after(TCP_RTO_LEAST));
        return;
    }
    /* tcp_output waits for a window of a segment. */
    if (is_opening) {
        c->tcp->counters.timeouts++;
        c->syn_due = true;
    } else if (c->snd.wnd < c->mss || c->snd.una == c->snd.nxt) {
        send_window_probe(c);
    } else {
        c->tcp->counters.timeouts++;
        recovery_on_rto(c);
    }
    c->rtt.backoff++;
    if (c->state == TCP_CLOSED)
        return;
    c->clock[TCP_RETRANSMIT] = FOREVER;
    tcp_start_rto(c);
    if (c->snd.wnd > 0 || is_opening)
        tcp_output(c);
}

/* Splits off the last segment in flight; NULL: no record is free. */
static struct sent_record *last_segment(struct connection *c)
{
    struct sent_record *r = c->sent.last;
    uint32_t len = r->end - r->seq;

    if (len <= r->segment)
        return r;
    len -= (len - 1) / r->segment * r->segment;
    return sent_split(c, r, r->end - len) ? r->next : NULL;
}

/* Sends a tail loss probe (RFC 8985, 7.3). */
static void send_tail_probe(struct connection *c)
{
    struct sent_record *r;

    if (!tlp_may_probe(c))
        return;
    c->tlp.is_retrans = !tcp_send_one_segment(c);
    if (c->tlp.is_retrans) {
        r = last_segment(c);
        if (!r)
            return;
        tcp_retransmit(c, r);
    }
    c->tcp->counters.tail_probes++;
    c->tlp.is_outstanding = true;
    c->tlp.end_seq = c->snd.nxt;
    tcp_restart_rto(c);
}

/* The reordering window has passed. */
static void on_reorder(struct connection *c)
{
    struct delivery d = {.now = time_now()};

    recovery_on_ack(c, &d, false);
    tcp_output(c);
}

/*
 * Keep-alive (RFC 9293, 3.8.4): a segment without data at snd.una - 1, which
 * the peer answers with an ACK. Only while idle (MUST-26): otherwise other
 * timers detect a dead peer.
 */
static void on_keep_alive(struct connection *c)
{
    nanoseconds idle = c->options.keepalive_idle, now = time_now();
    nanoseconds due =
        idle < FOREVER - c->last_heard ? c->last_heard + idle : FOREVER;

    if (idle == 0 || !tcp_may_keep_alive(c))
        return;
    if (c->snd.una != c->snd.nxt || has_unsent(c)) {
        c->keepalives = 0;
        tcp_set_clock(c, TCP_KEEP_ALIVE, time_after(idle));
        return;
    }
    if (c->keepalives == 0 && now < due) {
        tcp_set_clock(c, TCP_KEEP_ALIVE, due);
        return;
    }
    if (c->keepalives >= c->options.keepalive_probes) {
        abort_by_timeout(c);
        return;
    }
    c->keepalives++;
    tcp_send(c, c->snd.una - 1, 0, TCP_ACK);
    if (c->options.keepalive_interval)
        tcp_set_clock(c, TCP_KEEP_ALIVE,
                      time_after(c->options.keepalive_interval));
}

static void run_clock(struct connection *c, enum tcp_clock which)
{
    switch (which) {
    case TCP_RETRANSMIT:
        on_retransmit(c);
        break;
    case TCP_REORDER:
        on_reorder(c);
        break;
    case TCP_PTO:
        send_tail_probe(c);
        break;
    case TCP_ACKNOWLEDGE:
        tcp_send_ack(c);
        break;
    case TCP_PACE:
        tcp_output(c);
        break;
    case TCP_KEEP_ALIVE:
        on_keep_alive(c);
        break;
    case TCP_GIVE_UP:
        on_user_timeout(c);
        break;
    case TCP_END:
        tcp_end(c, OK);
        break;
    case TCP_CLOCKS:
        break;
    }
}

void tcp_on_timer(void *ctx)
{
    struct connection *c = ctx;
    nanoseconds soonest = FOREVER;

    for (int i = 0; i < TCP_CLOCKS && c->state != TCP_CLOSED; i++)
        if (c->clock[i] <= time_now()) {
            c->clock[i] = FOREVER;
            run_clock(c, (enum tcp_clock)i);
        }
    if (c->state == TCP_CLOSED)
        return;
    for (int i = 0; i < TCP_CLOCKS; i++)
        if (c->clock[i] < soonest)
            soonest = c->clock[i];
    if (soonest != FOREVER)
        wheel_set(c->tcp->wheel, &c->timer, soonest);
}
