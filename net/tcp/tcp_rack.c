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

#define LEAST_LIFE       (30 * SECOND) /* of the least round trip */
#define REO_WND_MULT_MAX 256
#define STAYS            16 /* recoveries: RFC 8985, 6.2, step 4 */

/* RFC 8985, 5.2: RACK_sent_after */
static bool is_sent_after(nanoseconds t1, uint32_t end1, nanoseconds t2,
                          uint32_t end2)
{
    return t1 > t2 || (t1 == t2 && seq_after(end1, end2));
}

static void note_least(struct connection *c, nanoseconds rtt, nanoseconds now)
{
    if (c->rack.min_rtt == 0 || rtt <= c->rack.min_rtt ||
        now - c->rack.min_rtt_at > LEAST_LIFE) {
        c->rack.min_rtt = rtt > 0 ? rtt : 1;
        c->rack.min_rtt_at = now;
    }
}

void rack_update(struct connection *c, const struct sent_record *r, uint32_t end,
                 const struct delivery *d)
{
    nanoseconds rtt = d->now - r->xmit_ts;
    uint32_t    stamp = (uint32_t)(r->xmit_ts / MILLISECOND) + c->ts.offset;

    if (seq_after(end, c->rack.fack))
        c->rack.fack = end;
    else if (seq_before(end, c->rack.fack) && !r->is_retransmitted)
        c->rack.reordering_seen = true;
    /* Step 2: is this about the first time that it was sent? */
    if (r->is_retransmitted &&
        ((c->ts.is_on && d->has_echo && seq_before(d->echo, stamp)) ||
         rtt < c->rack.min_rtt))
        return;
    if (!r->is_retransmitted)
        note_least(c, rtt, d->now);
    c->rack.rtt = rtt;
    if (is_sent_after(r->xmit_ts, end, c->rack.xmit_ts, c->rack.end_seq)) {
        c->rack.xmit_ts = r->xmit_ts;
        c->rack.end_seq = end;
    }
}

/* How much later than what was sent behind it a segment may come: step 4. */
static nanoseconds tolerance(const struct connection *c)
{
    nanoseconds wait;

    if (!c->rack.reordering_seen &&
        (c->recovery.phase >= TCP_RECOVERY || c->sent.sacked >= 3u * c->mss))
        return 0;
    wait = c->rack.min_rtt / 4 * c->rack.reo_wnd_mult;
    return wait < c->rtt.srtt || c->rtt.srtt == 0 ? wait : c->rtt.srtt;
}

void rack_detect_loss(struct connection *c, nanoseconds now)
{
    nanoseconds         late = c->rack.rtt + tolerance(c);
    struct sent_record *r;

    c->clock[TCP_REORDER] = FOREVER;
    while ((r = c->sent.earliest) != NULL &&
           is_sent_after(c->rack.xmit_ts, c->rack.end_seq, r->xmit_ts, r->end)) {
        if (r->xmit_ts + late > now) {
            tcp_set_clock(c, TCP_REORDER, r->xmit_ts + late);
            return;
        }
        sent_set_state(c, r, SENT_LOST);
    }
}

/* Step 4: once in a round trip. */
void rack_on_dsack(struct connection *c)
{
    if (c->rack.in_dsack_round && seq_before(c->snd.una, c->rack.dsack_round))
        return;
    c->rack.in_dsack_round = true;
    c->rack.dsack_round = c->snd.nxt;
    if (c->rack.reo_wnd_mult < REO_WND_MULT_MAX)
        c->rack.reo_wnd_mult++;
    c->rack.reo_wnd_persist = STAYS;
}

void rack_on_recovery_end(struct connection *c)
{
    if (c->rack.reo_wnd_persist > 0 && --c->rack.reo_wnd_persist == 0)
        c->rack.reo_wnd_mult = 1;
}

void rack_mark_losses_on_rto(struct connection *c)
{
    nanoseconds         now = time_now(), late = c->rack.rtt + tolerance(c);
    struct sent_record *r;

    /* A round trip may have been longer once than the timer waits now. */
    if (late > c->rtt.rto)
        late = c->rtt.rto;
    if (c->sent.first && c->sent.first->state == SENT_IN_FLIGHT)
        sent_set_state(c, c->sent.first, SENT_LOST);
    while ((r = c->sent.earliest) != NULL && r->xmit_ts + late <= now)
        sent_set_state(c, r, SENT_LOST);
}

bool tlp_may_probe(const struct connection *c)
{
    return c->sack.permitted && c->recovery.phase == TCP_OPEN && c->sent.sacked == 0 &&
           !c->tlp.is_outstanding && c->sent.first && c->snd.wnd > 0;
}

/* RFC 8985, 7.2: not beyond the retransmission time-out, in whose place the
 * probe is then. */
void tlp_set_pto(struct connection *c)
{
    nanoseconds wait = 2 * c->rtt.srtt;
    unsigned    times = c->rtt.backoff + c->tlp.spurious;

    c->clock[TCP_PTO] = FOREVER;
    if (!tlp_may_probe(c))
        return;
    if (c->rtt.srtt == 0)
        wait = SECOND;
    else if (c->sent.in_flight <= c->mss)
        wait += TCP_PEERS_DELAY;
    if (wait < TCP_PTO_LEAST)
        wait = TCP_PTO_LEAST;
    wait = time_after(wait << (times < 8 ? times : 8));
    if (wait > c->clock[TCP_RETRANSMIT])
        wait = c->clock[TCP_RETRANSMIT];
    tcp_set_clock(c, TCP_PTO, wait);
}

/* The last segment of what is under way, alone; NULL: there is no record. */
static struct sent_record *last_segment(struct connection *c)
{
    struct sent_record *r = c->sent.last;
    uint32_t            len = r->end - r->seq;

    if (len <= r->segment)
        return r;
    len -= (len - 1) / r->segment * r->segment;
    return sent_split(c, r, r->end - len) ? r->next : NULL;
}

/* RFC 8985, 7.3 */
void tlp_send_probe(struct connection *c)
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

/* RFC 8985, 7.4.2 */
bool tlp_process_ack(struct connection *c, const struct delivery *d,
                     bool is_duplicate)
{
    if (!c->tlp.is_outstanding || seq_before(c->snd.una, c->tlp.end_seq))
        return true;
    if (!c->tlp.is_retrans || (d->has_dsack && d->dsack.to == c->tlp.end_seq)) {
        c->tlp.is_outstanding = false;
        return true;
    }
    if (seq_after(c->snd.una, c->tlp.end_seq)) {
        c->tlp.is_outstanding = false;
        return false;
    }
    if (is_duplicate)
        c->tlp.is_outstanding = false;
    return true;
}
