/* SPDX-License-Identifier: ISC */
/*
 * RACK-TLP loss detection (RFC 8985). RACK marks a segment lost when one sent
 * sufficiently later has been acknowledged. TLP sends a probe when ACKs stop
 * arriving, before the retransmission timer expires (tcp_expiry.c sends it).
 */
#include "tcp.h"
#include <mirage/macros.h>

/*
 * Segments in flight are kept in order of transmission time. A scan stops at
 * the first segment that is not lost, so the total cost of all scans is linear
 * in the segments sent.
 */

#define MIN_RTT_LIFE     (30 * SECOND) /* of min_rtt */
#define REO_WND_MULT_MAX 256
#define REO_WND_PERSIST  16 /* recoveries: RFC 8985, 6.2, step 4 */

/* RFC 8985, 5.2: RACK_sent_after */
static bool is_sent_after(nanoseconds t1, uint32_t end1, nanoseconds t2,
                          uint32_t end2)
{
    return t1 > t2 || (t1 == t2 && seq_after(end1, end2));
}

static void update_min_rtt(struct connection *c, nanoseconds rtt,
                           nanoseconds now)
{
    if (c->rack.min_rtt == 0 || rtt <= c->rack.min_rtt ||
        now - c->rack.min_rtt_at > MIN_RTT_LIFE) {
        c->rack.min_rtt = rtt > 0 ? rtt : 1;
        c->rack.min_rtt_at = now;
    }
}

void rack_update(struct connection *c, const struct sent_record *r,
                 uint32_t end, const struct delivery *d)
{
    nanoseconds rtt = d->now - r->xmit_ts;
    uint32_t stamp = (uint32_t)(r->xmit_ts / MILLISECOND) + c->ts.offset;

    if (seq_after(end, c->rack.fack))
        c->rack.fack = end;
    else if (seq_before(end, c->rack.fack) && !r->is_retransmitted)
        c->rack.reordering_seen = true;
    /* Step 2: skip it if the ACK may be for the original transmission. */
    if (r->is_retransmitted &&
        ((c->ts.is_on && d->has_echo && seq_before(d->echo, stamp)) ||
         rtt < c->rack.min_rtt))
        return;
    if (!r->is_retransmitted)
        update_min_rtt(c, rtt, d->now);
    c->rack.rtt = rtt;
    if (is_sent_after(r->xmit_ts, end, c->rack.xmit_ts, c->rack.end_seq)) {
        c->rack.xmit_ts = r->xmit_ts;
        c->rack.end_seq = end;
    }
}

/* Step 4: the reordering window. */
static nanoseconds reo_wnd(const struct connection *c)
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
    nanoseconds late = c->rack.rtt + reo_wnd(c);
    struct sent_record *r;

    c->clock[TCP_REORDER] = FOREVER;
    while (
        (r = c->sent.earliest) != NULL &&
        is_sent_after(c->rack.xmit_ts, c->rack.end_seq, r->xmit_ts, r->end)) {
        if (r->xmit_ts + late > now) {
            tcp_set_clock(c, TCP_REORDER, r->xmit_ts + late);
            return;
        }
        sent_set_state(c, r, SENT_LOST);
    }
}

void rack_on_dsack(struct connection *c)
{
    if (c->rack.in_dsack_round && seq_before(c->snd.una, c->rack.dsack_round))
        return;
    c->rack.in_dsack_round = true;
    c->rack.dsack_round = c->snd.nxt;
    if (c->rack.reo_wnd_mult < REO_WND_MULT_MAX)
        c->rack.reo_wnd_mult++;
    c->rack.reo_wnd_persist = REO_WND_PERSIST;
}

void rack_on_recovery_end(struct connection *c)
{
    if (c->rack.reo_wnd_persist > 0 && --c->rack.reo_wnd_persist == 0)
        c->rack.reo_wnd_mult = 1;
}

void rack_mark_losses_on_rto(struct connection *c)
{
    nanoseconds now = time_now(), late = c->rack.rtt + reo_wnd(c);
    struct sent_record *r;

    /* An earlier RTT may be longer than the timeout is now. */
    late = min(late, c->rtt.rto);
    if (c->sent.first && c->sent.first->state == SENT_IN_FLIGHT)
        sent_set_state(c, c->sent.first, SENT_LOST);
    while ((r = c->sent.earliest) != NULL && r->xmit_ts + late <= now)
        sent_set_state(c, r, SENT_LOST);
}

bool tlp_may_probe(const struct connection *c)
{
    return c->sack.permitted && c->recovery.phase == TCP_OPEN &&
           c->sent.sacked == 0 && !c->tlp.is_outstanding && c->sent.first &&
           c->snd.wnd > 0;
}

/* 7.2: not after the retransmission timer, which the probe replaces when both
 * are due. */
void tlp_set_pto(struct connection *c)
{
    nanoseconds wait = 2 * c->rtt.srtt;
    unsigned times = c->rtt.backoff + c->tlp.spurious;

    c->clock[TCP_PTO] = FOREVER;
    if (!tlp_may_probe(c))
        return;
    if (c->rtt.srtt == 0)
        wait = SECOND;
    else if (c->sent.in_flight <= c->mss)
        wait += TCP_MAX_ACK_DELAY;
    wait = max(wait, TCP_PTO_LEAST);
    wait = time_after(wait << min(times, 8u));
    wait = min(wait, c->clock[TCP_RETRANSMIT]);
    tcp_set_clock(c, TCP_PTO, wait);
}

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
