/* SPDX-License-Identifier: ISC */
/*
 * RTT measurement, the retransmission timer (RFC 6298), and the other timers.
 *
 * A connection has one timer in the wheel, for the soonest of its deadlines. A
 * deadline that is postponed does not move it: it expires early and is set
 * again. So postponing the retransmission timer with each ACK costs one store.
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

static nanoseconds backed_off_rto(const struct connection *c)
{
    unsigned times = c->rtt.backoff + c->tlp.spurious;
    nanoseconds wait = c->rtt.rto << (times < 10 ? times : 10);

    return wait < TCP_RTO_MOST ? wait : TCP_RTO_MOST;
}

void tcp_start_rto(struct connection *c)
{
    if (c->clock[TCP_RETRANSMIT] == FOREVER)
        tcp_set_clock(c, TCP_RETRANSMIT, time_after(backed_off_rto(c)));
}

void tcp_restart_rto(struct connection *c)
{
    c->clock[TCP_RETRANSMIT] = FOREVER;
    if (c->snd.una != c->snd.nxt)
        tcp_start_rto(c);
}

/* RFC 6298, 2. A sample ends the backoff (5). */
void rtt_update(struct connection *c, nanoseconds rtt)
{
    c->rtt.backoff = 0;
    if (rtt == 0)
        rtt = 1;
    if (c->rtt.srtt == 0) {
        c->rtt.srtt = rtt;
        c->rtt.rttvar = rtt / 2;
    } else {
        nanoseconds off =
            c->rtt.srtt > rtt ? c->rtt.srtt - rtt : rtt - c->rtt.srtt;

        c->rtt.rttvar = c->rtt.rttvar - c->rtt.rttvar / 4 + off / 4;
        c->rtt.srtt = c->rtt.srtt - c->rtt.srtt / 8 + rtt / 8;
    }
    /* While SRTT is far below the sample the PTO would be too short. */
    if (2 * c->rtt.srtt >= rtt)
        c->tlp.spurious = 0;
    /* The floor is on the variance, as in Linux: with a constant RTT an ACK
     * that is a little late must not cause a timeout. */
    c->rtt.rto =
        c->rtt.srtt +
        (4 * c->rtt.rttvar > TCP_RTO_LEAST ? 4 * c->rtt.rttvar : TCP_RTO_LEAST);
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
 * Takes one RTT sample per round trip: of a segment that was sent once (Karn),
 * or by the echoed timestamp (RFC 7323, 4). The echo is that of the oldest
 * segment acknowledged, so after a loss it is too old: it is used only if it is
 * that of the last retransmission or later, or if that was a tail loss probe.
 * Without SACK a segment that was sent once may have arrived long before its
 * ACK. (The SYN is sampled separately.)
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
               (c->tlp.is_outstanding ||
                !seq_before(d->echo, c->rtt.last_retransmit_ts))) {
        rtt_update_by_echo(c, d->echo);
    }
}

static bool has_unsent(const struct connection *c)
{
    uint32_t end = c->sndq.seq + c->sndq.len + c->shut_writing;

    return seq_before(c->snd.nxt, end);
}

/* The user timeout. */
static nanoseconds user_timeout(const struct connection *c)
{
    return c->options.user_timeout ? c->options.user_timeout
                                   : TCP_USER_TIMEOUT;
}

static nanoseconds give_up_at(const struct connection *c)
{
    nanoseconds longest = FOREVER - c->unanswered_since;

    return user_timeout(c) < longest ? c->unanswered_since + user_timeout(c)
                                     : FOREVER;
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

static bool has_timed_out(const struct connection *c)
{
    bool is_opening = c->state == TCP_SYN_SENT ||
                      c->state == TCP_SYN_RECEIVED;

    return (is_opening && c->rtt.backoff >= TCP_SYN_TRIES) ||
           (c->unanswered_since && time_now() >= give_up_at(c));
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
        tcp_set_clock(c, TCP_GIVE_UP, give_up_at(c));
}

/*
 * Window probe (RFC 9293, 3.8.6.1): one byte, or as many as a window of less
 * than a segment allows.
 */
static void send_window_probe(struct connection *c)
{
    uint32_t len = c->snd.wnd > 0 ? c->snd.wnd : 1;

    if (len > c->sndq.len)
        len = c->sndq.len;
    if (len > c->mss)
        len = c->mss;
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
        tlp_send_probe(c);
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
