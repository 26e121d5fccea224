/* SPDX-License-Identifier: ISC */
/*
 * RACK and TLP (RFC 8985): what was sent before something that has arrived, and
 * by more than a packet may be late, is lost; and who hears nothing sends his
 * last segment once more, before the retransmission timer rings.
 *
 * The pieces that are out are in a list by time, so a look ends at the first
 * that is not lost: all looks together cost what is sent.
 */
#include "tcp.h"

#define LEAST_LIFE (30 * SECOND) /* of the least round trip */
#define STAYS      16            /* recoveries: RFC 8985, 6.2, step 4 */

/* RFC 8985, 5.2: RACK_sent_after */
static bool is_sent_after(nanoseconds t1, uint32_t end1, nanoseconds t2,
                          uint32_t end2)
{
    return t1 > t2 || (t1 == t2 && seq_after(end1, end2));
}

static void note_least(struct connection *c, nanoseconds rtt, nanoseconds now)
{
    if (c->least_rtt == 0 || rtt <= c->least_rtt ||
        now - c->least_rtt_at > LEAST_LIFE) {
        c->least_rtt = rtt > 0 ? rtt : 1;
        c->least_rtt_at = now;
    }
}

void rack_note(struct connection *c, const struct sent *r, uint32_t end,
               const struct delivery *d)
{
    nanoseconds rtt = d->now - r->time;
    uint32_t    stamp = (uint32_t)(r->time / MILLISECOND) + c->time_offset;

    if (seq_after(end, c->foremost))
        c->foremost = end;
    else if (seq_before(end, c->foremost) && !r->is_resent)
        c->is_reordered = true;
    /* Step 2: is this about the first time that it was sent? */
    if (r->is_resent &&
        ((c->timestamps && d->has_echo && seq_before(d->echo, stamp)) ||
         rtt < c->least_rtt))
        return;
    if (!r->is_resent)
        note_least(c, rtt, d->now);
    c->rack_rtt = rtt;
    if (is_sent_after(r->time, end, c->rack_time, c->rack_end)) {
        c->rack_time = r->time;
        c->rack_end = end;
    }
}

/* How much later than what was sent behind it a segment may come: step 4. */
static nanoseconds tolerance(const struct connection *c)
{
    nanoseconds wait;

    if (!c->is_reordered &&
        (c->recovery >= TCP_REPAIR || c->taken >= 3u * c->mss))
        return 0;
    wait = c->least_rtt / 4 * (c->patience + 1u);
    return wait < c->srtt || c->srtt == 0 ? wait : c->srtt;
}

void rack_look(struct connection *c, nanoseconds now)
{
    nanoseconds  late = c->rack_rtt + tolerance(c);
    struct sent *r;

    c->clock[TCP_REORDER] = FOREVER;
    while ((r = c->earliest) != NULL &&
           is_sent_after(c->rack_time, c->rack_end, r->time, r->end)) {
        if (r->time + late > now) {
            tcp_set_clock(c, TCP_REORDER, r->time + late);
            return;
        }
        sent_set(c, r, SENT_LOST);
    }
}

/* Step 4: once in a round trip. */
void rack_note_repeat(struct connection *c)
{
    if (c->in_repeat_round && seq_before(c->snd_una, c->repeat_round))
        return;
    c->in_repeat_round = true;
    c->repeat_round = c->snd_nxt;
    if (c->patience < UINT8_MAX)
        c->patience++;
    c->patience_left = STAYS;
}

void rack_note_recovered(struct connection *c)
{
    if (c->patience_left > 0 && --c->patience_left == 0)
        c->patience = 0;
}

void rack_expire(struct connection *c)
{
    nanoseconds  now = time_now(), late = c->rack_rtt + tolerance(c);
    struct sent *r;

    /* A round trip may have been longer once than the timer waits now. */
    if (late > c->rto)
        late = c->rto;
    if (c->sent && c->sent->state == SENT_OUT)
        sent_set(c, c->sent, SENT_LOST);
    while ((r = c->earliest) != NULL && r->time + late <= now)
        sent_set(c, r, SENT_LOST);
}

bool rack_may_probe(const struct connection *c)
{
    return c->may_sack && c->recovery == TCP_OPEN && c->taken == 0 &&
           !c->tail_probed && c->sent && c->snd_wnd > 0;
}

/* RFC 8985, 7.2: not beyond the retransmission time-out, in whose place the
 * probe is then. */
void rack_set_tail(struct connection *c)
{
    nanoseconds wait = 2 * c->srtt;
    unsigned    times = c->backoff + c->tail_early;

    c->clock[TCP_TAIL] = FOREVER;
    if (!rack_may_probe(c))
        return;
    if (c->srtt == 0)
        wait = SECOND;
    else if (c->out <= c->mss)
        wait += TCP_PEERS_DELAY;
    if (wait < TCP_TAIL_LEAST)
        wait = TCP_TAIL_LEAST;
    wait = time_after(wait << (times < 8 ? times : 8));
    if (wait > c->clock[TCP_RETRANSMIT])
        wait = c->clock[TCP_RETRANSMIT];
    tcp_set_clock(c, TCP_TAIL, wait);
}

/* The last segment of what is under way, alone; NULL: there is no record. */
static struct sent *last_segment(struct connection *c)
{
    struct sent *r = c->sent_last;
    uint32_t     len = r->end - r->seq;

    if (len <= r->segment)
        return r;
    len -= (len - 1) / r->segment * r->segment;
    return sent_cut(c, r, r->end - len) ? r->next : NULL;
}

/* RFC 8985, 7.3 */
void rack_ring_tail(struct connection *c)
{
    struct sent *r;

    if (!rack_may_probe(c))
        return;
    c->tail_resent = !tcp_send_one(c);
    if (c->tail_resent) {
        r = last_segment(c);
        if (!r)
            return;
        tcp_resend(c, r);
    }
    c->tcp->counters.tail_probes++;
    c->tail_probed = true;
    c->tail_end = c->snd_nxt;
    tcp_restart_retransmit(c);
}

/* RFC 8985, 7.4.2 */
bool rack_tail_is_well(struct connection *c, const struct delivery *d,
                       bool is_duplicate)
{
    if (!c->tail_probed || seq_before(c->snd_una, c->tail_end))
        return true;
    if (!c->tail_resent || (d->has_repeat && d->repeat.to == c->tail_end)) {
        c->tail_probed = false;
        return true;
    }
    if (seq_after(c->snd_una, c->tail_end)) {
        c->tail_probed = false;
        return false;
    }
    if (is_duplicate)
        c->tail_probed = false;
    return true;
}
