/* SPDX-License-Identifier: ISC */
/*
 * Checks of a received segment in the states after SYN-SENT (RFC 9293,
 * 3.10.7.4, first to fourth), with timestamps (RFC 7323) and protection against
 * blind RST and SYN attacks (RFC 5961).
 */
#include "tcp_arrival.h"
#include "tcp_validate.h"

#define CHALLENGES  10 /* per connection and second */
#define TS_LIFETIME (24 * 86400 * SECOND) /* RFC 7323, 5.5 */

/* Is any byte of the segment in the window? 3.4 */
static bool is_acceptable(const struct connection *c, const struct arrival *a)
{
    uint32_t len = a->len + (a->s.flags & TCP_FIN ? 1 : 0);
    uint32_t last = a->s.seq + (len > 0 ? len - 1 : 0);

    if (a->s.seq == c->rcv.nxt)
        return true; /* with a zero window, for its ACK */
    if (len == 0)
        return !seq_before(a->s.seq, c->rcv.nxt) &&
               !seq_after(a->s.seq, c->rcv.adv);
    return !seq_before(last, c->rcv.nxt) && seq_before(a->s.seq, c->rcv.adv);
}

/* Rate-limits challenge ACKs (RFC 5961, 7). The limit is per connection: a
 * global one is a side channel for off-path attackers (CVE-2016-5696). */
static bool may_challenge(struct connection *c)
{
    nanoseconds now = time_now();

    if (c->challenge.count == 0 || now - c->challenge.since >= SECOND) {
        c->challenge.since = now;
        c->challenge.count = 0;
    }
    if (c->challenge.count == CHALLENGES)
        return false;
    c->challenge.count++;
    c->tcp->counters.challenges++;
    return true;
}

void tcp_challenge(struct connection *c)
{
    if (may_challenge(c))
        tcp_send_ack(c);
}

/* Answers an unacceptable segment with an ACK, so that a desynchronised peer
 * can recover. Segments without data are rate-limited: otherwise two endpoints
 * could exchange ACKs forever. */
static void answer_unacceptable(struct connection *c, const struct arrival *a)
{
    if (a->len > 0 || a->s.flags & TCP_FIN)
        tcp_send_ack(c);
    else
        tcp_challenge(c);
}

/* RFC 7323, 5.5: TS.Recent is invalid after 24 days without an update. */
static bool is_older(const struct connection *c, const struct arrival *a)
{
    return seq_before(a->s.time, c->ts.recent) &&
           time_now() - c->ts.recent_at < TS_LIFETIME;
}

/* PAWS (RFC 7323, 5.3): an old duplicate from before a wrap of the sequence
 * numbers. */
static bool is_stale(const struct connection *c, const struct arrival *a)
{
    return c->ts.is_on && a->s.has_timestamps && is_older(c, a);
}

/* RFC 7323, 3.2. A SYN may be from a peer that has restarted, and is challenged
 * (RFC 5961, 4.2). */
static bool lacks_timestamp(const struct connection *c, const struct arrival *a)
{
    return c->ts.is_on && !a->s.has_timestamps &&
           !(a->s.flags & (TCP_RST | TCP_SYN));
}

void tcp_update_ts_recent(struct connection *c, const struct arrival *a)
{
    if (c->ts.is_on && a->s.has_timestamps && !is_older(c, a) &&
        !seq_after(a->s.seq, c->ts.last_ack_sent)) {
        c->ts.recent = a->s.time;
        c->ts.recent_at = c->last_heard;
    }
}

/* Reports duplicate data in a D-SACK (RFC 2883, 4), unless they are so old that
 * they may be spoofed. */
static void report_old_data(struct connection *c, const struct arrival *a)
{
    if (a->len > 0 && !seq_after(a->s.seq + a->len, c->rcv.nxt) &&
        seq_after(a->s.seq, c->rcv.nxt - (65535u << c->rcv.wind_shift)) &&
        seq_after(a->s.seq, c->irs)) {
        c->tcp->counters.duplicates_in++;
        sack_note_duplicate(c, a->s.seq, a->s.seq + a->len);
    }
}

/* RFC 5961, 3.2: only a RST at exactly rcv.nxt is accepted. */
static void process_reset(struct connection *c, const struct arrival *a)
{
    c->tcp->counters.resets_in++;
    if (a->s.seq != c->rcv.nxt) {
        if (a->s.seq - c->rcv.nxt < c->rcv.adv - c->rcv.nxt)
            tcp_challenge(c);
        else
            c->tcp->counters.out_of_window++;
    } else if (c->state != TCP_TIMED_WAIT) { /* RFC 1337, 3 */
        tcp_end(c, c->is_passive || c->state != TCP_SYN_RECEIVED
                       ? ERR_RESET
                       : ERR_REFUSED);
    }
}

/* RFC 5961, 4.2; but a passive connection in SYN-RECEIVED returns to LISTEN:
 * 3.10.7.4, fourth. */
static void process_unexpected_syn(struct connection *c,
                                   const struct arrival *a)
{
    if (c->state == TCP_SYN_RECEIVED && c->is_passive && is_acceptable(c, a))
        tcp_end(c, ERR_RESET);
    else
        tcp_challenge(c);
}

/* In SYN-RECEIVED the peer retransmits its SYN, since our SYN,ACK was lost; or
 * in a simultaneous open sends SYN,ACK. False: the segment is done with. */
static bool process_repeated_syn(struct connection *c, struct arrival *a)
{
    if (!(a->s.flags & TCP_ACK)) {
        if (may_challenge(c))
            tcp_send(c, c->iss, 0, TCP_SYN | TCP_ACK);
        return false;
    }
    a->s.flags &= (uint8_t)~TCP_SYN;
    a->s.seq++;
    return true;
}

bool tcp_validate(struct connection *c, struct arrival *a)
{
    if (a->s.flags & TCP_RST) {
        process_reset(c, a);
        return false;
    }
    if (lacks_timestamp(c, a)) {
        c->tcp->counters.missing_timestamps++;
        return false;
    }
    if (is_stale(c, a)) {
        c->tcp->counters.stale_timestamps++;
        answer_unacceptable(c, a);
        return false;
    }
    if (a->s.flags & TCP_SYN) {
        if (c->state != TCP_SYN_RECEIVED || a->s.seq != c->irs) {
            process_unexpected_syn(c, a);
            return false;
        }
        if (!process_repeated_syn(c, a))
            return false;
    }
    if (!is_acceptable(c, a)) {
        c->tcp->counters.out_of_window++;
        report_old_data(c, a);
        answer_unacceptable(c, a);
        /* The peer has not got our last ACK: restart the 2 MSL timer. */
        if (c->state == TCP_TIMED_WAIT && a->s.flags & TCP_FIN &&
            a->s.seq + a->len + 1 == c->rcv.nxt)
            tcp_set_clock(c, TCP_END, time_after(TCP_TIME_WAIT));
        return false;
    }
    return true;
}
