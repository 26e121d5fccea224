/* SPDX-License-Identifier: ISC */
/*
 * Round trips and the retransmission timer (RFC 6298), and the other times of a
 * connection.
 *
 * A connection has one timer, for the soonest of its clocks. A clock that is
 * put off does not move it: when it rings too early it is set again. So the
 * retransmission clock, which each ACK puts off, costs a store.
 */
#include "tcp.h"

void tcp_set_clock(struct connection *c, enum tcp_clock which,
                   nanoseconds deadline)
{
    c->clock[which] = deadline;
    if (deadline != FOREVER &&
        (!wheel_is_set(&c->timer) || deadline < c->timer.deadline))
        wheel_set(c->tcp->wheel, &c->timer, deadline);
}

static nanoseconds backed_off(const struct connection *c)
{
    unsigned    times = c->rtt.backoff + c->tlp.spurious;
    nanoseconds wait = c->rtt.rto << (times < 10 ? times : 10);

    return wait < TCP_RTO_MOST ? wait : TCP_RTO_MOST;
}

void tcp_start_rto(struct connection *c)
{
    if (c->clock[TCP_RETRANSMIT] == FOREVER)
        tcp_set_clock(c, TCP_RETRANSMIT, time_after(backed_off(c)));
}

void tcp_restart_rto(struct connection *c)
{
    c->clock[TCP_RETRANSMIT] = FOREVER;
    if (c->snd.una != c->snd.nxt)
        tcp_start_rto(c);
}

/* RFC 6298, 2; and 5: until then the time that was backed off to holds. */
void rtt_update(struct connection *c, nanoseconds rtt)
{
    c->rtt.backoff = 0;
    if (rtt == 0)
        rtt = 1;
    if (c->rtt.srtt == 0) {
        c->rtt.srtt = rtt;
        c->rtt.rttvar = rtt / 2;
    } else {
        nanoseconds off = c->rtt.srtt > rtt ? c->rtt.srtt - rtt : rtt - c->rtt.srtt;

        c->rtt.rttvar = c->rtt.rttvar - c->rtt.rttvar / 4 + off / 4;
        c->rtt.srtt = c->rtt.srtt - c->rtt.srtt / 8 + rtt / 8;
    }
    /* Until SRTT has come up to it, a probe of the tail would be too early. */
    if (2 * c->rtt.srtt >= rtt)
        c->tlp.spurious = 0;
    /* The floor is on the variance, as in Linux: with an even round trip an ACK
     * that is a little late must not find the timer expired. */
    c->rtt.rto = c->rtt.srtt + (4 * c->rtt.rttvar > TCP_RTO_LEAST ? 4 * c->rtt.rttvar
                                                                  : TCP_RTO_LEAST);
    if (c->rtt.rto > TCP_RTO_MOST)
        c->rtt.rto = TCP_RTO_MOST;
}

void rtt_update_by_echo(struct connection *c, uint32_t echo)
{
    uint32_t ms = tcp_timestamp(c) - echo;

    if (ms < TCP_RTO_MOST / MILLISECOND)
        rtt_update(c, (ms + 1) * MILLISECOND);
}

/*
 * A measure of each round trip, of what was sent once (Karn), or by the time
 * that comes back (RFC 7323, 4). That is the time of the oldest segment of what
 * is acknowledged, so after a loss it may be long ago, and say nothing of the
 * trip: we take it if it is that of the last retransmission, or if that was but
 * a probe of the tail. Without SACK something sent once may have come long
 * before it is acknowledged. (The SYN has been measured by itself.)
 */
void rtt_sample_delivery(struct connection *c, const struct delivery *d)
{
    if (!d->is_new)
        return;
    if (d->oldest && (c->sack.permitted || c->recovery.phase == TCP_OPEN)) {
        if (!seq_after(c->snd.una, c->rtt.next_sample))
            return;
        c->rtt.next_sample = c->snd.nxt;
        rtt_update(c, d->now - d->oldest);
    } else if (d->has_echo && c->ts.is_on && d->bytes > 0 &&
               (c->tlp.is_outstanding || !seq_before(d->echo, c->rtt.last_retransmit_ts))) {
        rtt_update_by_echo(c, d->echo);
    }
}

static bool has_unsent(const struct connection *c)
{
    uint32_t end = c->sndq.seq + c->sndq.len + c->shut_writing;

    return seq_before(c->snd.nxt, end);
}

/* How long what was sent may stay unanswered. */
static nanoseconds patience(const struct connection *c)
{
    return c->options.user_timeout ? c->options.user_timeout
                                   : TCP_USER_TIMEOUT;
}

static nanoseconds give_up_at(const struct connection *c)
{
    nanoseconds longest = FOREVER - c->unanswered_since;

    return patience(c) < longest ? c->unanswered_since + patience(c) : FOREVER;
}

void tcp_set_unanswered(struct connection *c, nanoseconds since)
{
    c->unanswered_since = since;
    if (since && give_up_at(c) < c->clock[TCP_GIVE_UP])
        tcp_set_clock(c, TCP_GIVE_UP, give_up_at(c));
}

void tcp_update_user_timeout(struct connection *c)
{
    if (c->unanswered_since && c->state != TCP_CLOSED)
        tcp_set_clock(c, TCP_GIVE_UP, give_up_at(c));
}

static bool is_hopeless(const struct connection *c)
{
    bool is_opening = c->state == TCP_SYN_SENT ||
                      c->state == TCP_SYN_RECEIVED;

    return (is_opening && c->rtt.backoff >= TCP_SYN_TRIES) ||
           (c->unanswered_since && time_now() >= give_up_at(c));
}

static void give_up(struct connection *c)
{
    tcp_send_reset(c);
    tcp_end(c, ERR_TIMEOUT);
}

/* The user timeout (RFC 9293, 3.8.3), which runs from the moment that an answer
 * is waited for. The clock is put off by none, so it may ring too early. */
static void ring_give_up(struct connection *c)
{
    if (!c->unanswered_since)
        return;
    if (is_hopeless(c))
        give_up(c);
    else
        tcp_set_clock(c, TCP_GIVE_UP, give_up_at(c));
}

/*
 * RFC 9293, 3.8.6.1: the peer has no room, or too little to be worth it; one
 * byte, or as many as it has room for, asks it again.
 */
static void probe(struct connection *c)
{
    uint32_t len = c->snd.wnd > 0 ? c->snd.wnd : 1;

    if (len > c->sndq.len)
        len = c->sndq.len;
    if (len > c->mss)
        len = c->mss;
    c->tcp->counters.probes++;
    if (!c->unanswered_since)
        tcp_set_unanswered(c, time_now());
    if (c->sent.first) { /* what it was asked with before, or some of it */
        if (len == 0)
            tcp_retransmit(c, c->sent.first);
        else
            tcp_retransmit_first(c, len);
    } else if (len == 0) { /* all that is left is a FIN: it needs no room */
        tcp_output(c);
    } else {
        tcp_send(c, c->snd.una, len, TCP_ACK | TCP_PSH);
        sent_add(c, c->snd.una + len);
    }
}

static void ring_retransmit(struct connection *c)
{
    bool is_opening = c->state == TCP_SYN_SENT || c->state == TCP_SYN_RECEIVED;

    if (c->snd.una == c->snd.nxt && !has_unsent(c))
        return;
    if (is_hopeless(c)) {
        give_up(c);
        return;
    }
    /* Without a page nothing would leave, and nothing be lost. */
    if (buf_pages_free() == 0) {
        tcp_set_clock(c, TCP_RETRANSMIT, time_after(TCP_RTO_LEAST));
        return;
    }
    /* A window of less than a segment is one that tcp_output waits for. */
    if (is_opening) {
        c->tcp->counters.timeouts++;
        c->syn_due = true;
    } else if (c->snd.wnd < c->mss || c->snd.una == c->snd.nxt) {
        probe(c);
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

/* What was overtaken has not come in time. */
static void ring_reorder(struct connection *c)
{
    struct delivery d = {.now = time_now()};

    recovery_on_ack(c, &d, false);
    tcp_output(c);
}

/*
 * RFC 9293, 3.8.4: a segment without data, one before what is next, makes the
 * peer say what it expects. Only an idle connection asks (MUST-26): while data
 * are outstanding or wait for a window, other clocks find a dead peer.
 */
static void ring_keep_alive(struct connection *c)
{
    nanoseconds idle = c->options.keepalive_idle, now = time_now();
    nanoseconds due = idle < FOREVER - c->last_heard ? c->last_heard + idle : FOREVER;

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
        give_up(c);
        return;
    }
    c->keepalives++;
    tcp_send(c, c->snd.una - 1, 0, TCP_ACK);
    if (c->options.keepalive_interval)
        tcp_set_clock(c, TCP_KEEP_ALIVE,
                      time_after(c->options.keepalive_interval));
}

static void ring_one(struct connection *c, enum tcp_clock which)
{
    switch (which) {
    case TCP_RETRANSMIT:
        ring_retransmit(c);
        break;
    case TCP_REORDER:
        ring_reorder(c);
        break;
    case TCP_PTO:
        tlp_send_probe(c);
        break;
    case TCP_ACKNOWLEDGE:
        tcp_send_ack(c);
        break;
    case TCP_PACE:
        tcp_output(c);
        break;
    case TCP_KEEP_ALIVE:
        ring_keep_alive(c);
        break;
    case TCP_GIVE_UP:
        ring_give_up(c);
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
    nanoseconds        soonest = FOREVER;

    for (int i = 0; i < TCP_CLOCKS && c->state != TCP_CLOSED; i++)
        if (c->clock[i] <= time_now()) {
            c->clock[i] = FOREVER;
            ring_one(c, (enum tcp_clock)i);
        }
    if (c->state == TCP_CLOSED)
        return;
    for (int i = 0; i < TCP_CLOCKS; i++)
        if (c->clock[i] < soonest)
            soonest = c->clock[i];
    if (soonest != FOREVER)
        wheel_set(c->tcp->wheel, &c->timer, soonest);
}
