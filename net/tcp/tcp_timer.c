/* SPDX-License-Identifier: ISC */
/*
 * RTT measurement and the retransmission timeout (RFC 6298), and the deadlines
 * of the other timers.
 */
#include "tcp.h"
#include <mirage/macros.h>

/*
 * A connection has one timer in the wheel, for the soonest of its deadlines. A
 * deadline that is postponed does not move it: it expires early and is set
 * again. So postponing the retransmission timer with each ACK costs one store.
 */

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
    nanoseconds wait = c->rtt.rto << min(times, 10u);

    return min(wait, TCP_RTO_MOST);
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
        max(4 * c->rtt.rttvar, TCP_RTO_LEAST);
    c->rtt.rto = min(c->rtt.rto, TCP_RTO_MOST);
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

/* The user timeout. */
static nanoseconds user_timeout(const struct connection *c)
{
    return c->options.user_timeout ? c->options.user_timeout
                                   : TCP_USER_TIMEOUT;
}

nanoseconds tcp_user_deadline(const struct connection *c)
{
    nanoseconds longest = FOREVER - c->unanswered_since;

    return user_timeout(c) < longest ? c->unanswered_since + user_timeout(c)
                                     : FOREVER;
}

void tcp_set_unanswered(struct connection *c, nanoseconds since)
{
    c->unanswered_since = since;
    if (since && tcp_user_deadline(c) < c->clock[TCP_GIVE_UP])
        tcp_set_clock(c, TCP_GIVE_UP, tcp_user_deadline(c));
}

void tcp_update_user_timeout(struct connection *c)
{
    if (c->unanswered_since && c->state != TCP_CLOSED)
        tcp_set_clock(c, TCP_GIVE_UP, tcp_user_deadline(c));
}
