/* SPDX-License-Identifier: ISC */
/*
 * Round trips (RFC 6298), what is sent again and when (RFC 5681, RFC 6582), and
 * the other times of a connection.
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
    nanoseconds wait = c->rto << (c->backoff < 10 ? c->backoff : 10);

    return wait < TCP_RTO_MOST ? wait : TCP_RTO_MOST;
}

void tcp_start_retransmit(struct connection *c)
{
    if (c->clock[TCP_RETRANSMIT] == FOREVER)
        tcp_set_clock(c, TCP_RETRANSMIT, time_after(backed_off(c)));
}

/* RFC 6298, 2; and 5: until then the time that was backed off to holds. */
void tcp_measure(struct connection *c, nanoseconds rtt)
{
    c->backoff = 0;
    if (rtt == 0)
        rtt = 1;
    if (c->srtt == 0) {
        c->srtt = rtt;
        c->rttvar = rtt / 2;
    } else {
        nanoseconds off = c->srtt > rtt ? c->srtt - rtt : rtt - c->srtt;

        c->rttvar = c->rttvar - c->rttvar / 4 + off / 4;
        c->srtt = c->srtt - c->srtt / 8 + rtt / 8;
    }
    c->rto = c->srtt + (4 * c->rttvar > MILLISECOND ? 4 * c->rttvar
                                                    : MILLISECOND);
    if (c->rto < TCP_RTO_LEAST)
        c->rto = TCP_RTO_LEAST;
    if (c->rto > TCP_RTO_MOST)
        c->rto = TCP_RTO_MOST;
}

/* Retransmits the first segment that was not acknowledged. */
static void resend_first(struct connection *c)
{
    uint32_t next = c->snd_nxt, left = c->snd_max - c->snd_una;
    uint32_t len = c->queue_len < c->mss ? c->queue_len : c->mss;
    bool     fin = c->fin_sent && len == c->queue_len &&
               seq_after(c->snd_max, c->queue_seq + c->queue_len);

    if (len > left)
        len = left;
    c->tcp->counters.retransmitted++;
    c->timed_at = 0; /* Karn: no measure of what was sent twice */
    c->resent_time = tcp_time(c);
    tcp_send(c, c->snd_una, len,
             (uint8_t)(TCP_ACK | (fin ? TCP_FIN : 0)));
    c->snd_nxt = next;
    c->sent = time_now();
}

/*
 * One measure of each round trip, of what was sent once (Karn), or by the time
 * that comes back (RFC 7323, 4). That is the time of the oldest segment of what
 * is acknowledged, so after a loss it may be long ago, and say nothing of the
 * trip: we take it if it is that of the last retransmission.
 */
static void measure(struct connection *c, bool has_echo, uint32_t echo)
{
    if (c->timed_at && seq_after(c->snd_una, c->timed_seq)) {
        tcp_measure(c, time_now() - c->timed_at);
        c->timed_at = 0;
    } else if (!c->timed_at && has_echo && c->timestamps &&
               !seq_before(echo, c->resent_time)) {
        uint32_t ms = tcp_time(c) - echo;

        if (ms < TCP_RTO_MOST / MILLISECOND)
            tcp_measure(c, (ms + 1) * MILLISECOND);
    }
}

void tcp_acked(struct connection *c, uint32_t acked, bool has_echo,
               uint32_t echo)
{
    nanoseconds now = time_now();

    measure(c, has_echo, echo);
    c->keepalives = 0;
    c->unanswered_since = now;
    if (c->in_recovery && seq_before(c->snd_una, c->recover)) {
        /* RFC 6582, 3.2, 5: a partial acknowledgment: the next is lost too. */
        resend_first(c);
        c->cwnd = c->cwnd > acked ? c->cwnd - acked : 0;
        c->cwnd += c->mss;
    } else if (c->in_recovery) {
        uint32_t flight = tcp_in_flight(c) > c->mss ? tcp_in_flight(c)
                                                    : c->mss;

        c->in_recovery = false;
        c->duplicates = 0;
        c->cwnd = c->ssthresh < flight + c->mss ? c->ssthresh
                                                : flight + c->mss;
    } else {
        c->duplicates = 0;
        if (acked > 0)
            c->congestion->acked(c, acked);
    }
    c->clock[TCP_RETRANSMIT] = FOREVER; /* RFC 6298, 5.2, 5.3 */
    if (c->snd_una != c->snd_max)
        tcp_start_retransmit(c);
    else
        c->unanswered_since = 0;
}

void tcp_duplicate_ack(struct connection *c)
{
    c->duplicates++;
    if (c->in_recovery) {
        c->cwnd += c->mss;
        return;
    }
    /* RFC 6582, 3.2, 2: not for the losses of before a timeout. */
    if (c->duplicates != 3 || !seq_after(c->snd_una, c->recover - 1))
        return;
    c->tcp->counters.fast_retransmits++;
    c->congestion->lost(c, c->snd_max - c->snd_una);
    c->in_recovery = true;
    c->recover = c->snd_max;
    resend_first(c);
    c->cwnd = c->ssthresh + 3u * c->mss;
}

static bool has_unsent(const struct connection *c)
{
    uint32_t end = c->queue_seq + c->queue_len + c->shut_writing;

    return seq_before(c->snd_nxt, end);
}

/* How long what was sent may stay unanswered. */
static nanoseconds patience(const struct connection *c)
{
    return c->options.user_timeout ? c->options.user_timeout
                                   : TCP_USER_TIMEOUT;
}

static bool is_hopeless(const struct connection *c)
{
    bool is_opening = c->state == TCP_SYN_SENT ||
                      c->state == TCP_SYN_RECEIVED;

    return (is_opening && c->backoff >= TCP_SYN_TRIES) ||
           (c->unanswered_since &&
            time_now() - c->unanswered_since >= patience(c));
}

/*
 * RFC 9293, 3.8.6.1: the peer has no room, or too little to be worth it; one
 * byte, or as many as it has room for, asks it again.
 */
static void probe(struct connection *c)
{
    uint32_t len = c->snd_wnd > 0 ? c->snd_wnd : 1;

    if (len > c->queue_len)
        len = c->queue_len;
    if (len > c->mss)
        len = c->mss;
    c->tcp->counters.probes++;
    if (!c->unanswered_since)
        c->unanswered_since = time_now();
    c->timed_at = 0;
    if (len == 0) { /* all that is left is a FIN: it needs no room */
        c->snd_nxt = c->snd_una;
        tcp_output(c);
        return;
    }
    tcp_send(c, c->snd_una, len, TCP_ACK | TCP_PSH);
    if (seq_after(c->snd_una + len, c->snd_max))
        c->snd_max = c->snd_una + len;
    if (seq_before(c->snd_nxt, c->snd_una + len))
        c->snd_nxt = c->snd_una + len;
}

/* RFC 6298, 5.4 to 5.7: from the oldest on, all is sent again. */
static void time_out(struct connection *c)
{
    c->tcp->counters.timeouts++;
    /* What was lost once more is the same loss. */
    if (!seq_before(c->snd_una, c->recover) && c->snd_max != c->iss + 1)
        c->congestion->lost(c, c->snd_max - c->snd_una);
    c->in_recovery = false;
    c->duplicates = 0;
    c->recover = c->snd_max;
    c->timed_at = 0;
    c->snd_nxt = c->snd_una;
    if (c->cwnd > c->mss)
        c->cwnd = c->mss;
}

static void ring_retransmit(struct connection *c)
{
    bool is_opening = c->state == TCP_SYN_SENT || c->state == TCP_SYN_RECEIVED;

    if (c->snd_una == c->snd_max && !has_unsent(c))
        return;
    if (is_hopeless(c)) {
        tcp_send_reset(c);
        tcp_end(c, ERR_TIMEOUT);
        return;
    }
    /* Without a page nothing would leave, and nothing be lost. */
    if (buf_pages_free() == 0) {
        tcp_set_clock(c, TCP_RETRANSMIT, time_after(TCP_RTO_LEAST));
        return;
    }
    /* A window of less than a segment is one that tcp_output waits for. */
    if (!is_opening && (c->snd_wnd < c->mss || c->snd_una == c->snd_max))
        probe(c);
    else
        time_out(c);
    c->backoff++;
    if (c->state == TCP_CLOSED)
        return;
    c->clock[TCP_RETRANSMIT] = FOREVER;
    tcp_start_retransmit(c);
    if (c->snd_wnd > 0 || is_opening)
        tcp_output(c);
}

/* RFC 9293, 3.8.4: a segment without data, one before what is next, makes the
 * peer say what it expects. */
static void ring_keep_alive(struct connection *c)
{
    nanoseconds idle = c->options.keepalive_idle, now = time_now();
    nanoseconds due = idle < FOREVER - c->heard ? c->heard + idle : FOREVER;

    if (idle == 0 || c->state == TCP_TIMED_WAIT)
        return;
    if (c->keepalives == 0 && now < due) {
        tcp_set_clock(c, TCP_KEEP_ALIVE, due);
        return;
    }
    if (c->keepalives >= c->options.keepalive_probes) {
        tcp_send_reset(c);
        tcp_end(c, ERR_TIMEOUT);
        return;
    }
    c->keepalives++;
    tcp_send(c, c->snd_una - 1, 0, TCP_ACK);
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
    case TCP_ACKNOWLEDGE:
        tcp_send_ack(c);
        break;
    case TCP_KEEP_ALIVE:
        ring_keep_alive(c);
        break;
    case TCP_END:
        tcp_end(c, OK);
        break;
    case TCP_CLOCKS:
        break;
    }
}

void tcp_ring(void *ctx)
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
