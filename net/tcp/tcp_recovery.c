/* SPDX-License-Identifier: ISC */
/*
 * Loss recovery: what an ACK means for cwnd.
 */
#include "tcp.h"
#include <mirage/macros.h>

/*
 * During recovery proportional rate reduction (RFC 6937) sends in proportion to
 * what is delivered, so that ssthresh is in flight at the end. A spurious
 * recovery is undone. It is detected by the echo of a timestamp from before the
 * retransmission (Eifel, RFC 3522); by D-SACKs for all that was retransmitted
 * (RFC 3708); or, without timestamps, by the delivery of something that was not
 * retransmitted after a timeout (F-RTO, RFC 5682).
 */

/* Reduces ssthresh for a sign of congestion, and begins PRR. */
static void enter_reduction(struct connection *c, enum tcp_phase why,
                            uint32_t flight)
{
    c->undo.prior_cwnd = c->cwnd;
    c->undo.prior_ssthresh = c->ssthresh;
    c->congestion->lost(c, min(flight, c->cwnd));
    c->recovery.phase = why;
    c->recovery.point = c->snd.nxt;
    c->prr.delivered = c->prr.out = 0;
    c->prr.recover_fs = flight;
    c->undo.is_allowed = why != TCP_REDUCED;
    c->ecn.cwr_due = c->ecn.is_on;
    c->recovery.keeps_cwnd = false;
}

/* Begins to count retransmitted bytes, for an undo. */
static void begin_episode(struct connection *c)
{
    c->undo.from = c->snd.una;
    c->undo.retransmitted = 0;
    c->undo.has_retransmitted = false;
    c->clock[TCP_PTO] = FOREVER;
    c->tlp.is_outstanding = false;
}

/* Is only one record of one segment lost, as a PMTU probe is? */
static bool is_one_segment(struct connection *c)
{
    const struct sent_record *r = sent_first_lost(c);

    return r && c->sent.lost == r->end - r->seq && c->sent.lost == r->segment;
}

static void begin_fast_recovery(struct connection *c)
{
    c->tcp->counters.fast_retransmits++;
    begin_episode(c);
    if (c->recovery.phase == TCP_OPEN) {
        enter_reduction(c, TCP_RECOVERY, tcp_unacked(c));
        return;
    }
    /* ssthresh was reduced in this round trip already. */
    c->recovery.phase = TCP_RECOVERY;
    c->recovery.point = c->snd.nxt;
    c->undo.is_allowed = false;
}

void recovery_begin_keeping_cwnd(struct connection *c)
{
    uint32_t ssthresh = c->ssthresh;

    if (c->recovery.phase >= TCP_RECOVERY)
        return;
    begin_episode(c);
    c->recovery.phase = TCP_RECOVERY;
    c->recovery.point = c->snd.nxt;
    c->prr.delivered = c->prr.out = 0;
    c->prr.recover_fs = tcp_unacked(c);
    c->undo.prior_cwnd = c->ssthresh = c->cwnd;
    c->undo.prior_ssthresh = ssthresh;
    c->undo.is_allowed = false;
    c->recovery.keeps_cwnd = true;
}

static void end_episode(struct connection *c)
{
    if (c->recovery.phase != TCP_LOSS)
        c->cwnd = max(c->ssthresh, c->mss);
    if (c->recovery.keeps_cwnd)
        c->ssthresh = c->undo.prior_ssthresh;
    if (c->recovery.phase >= TCP_RECOVERY)
        rack_on_recovery_end(c);
    c->path.probe_lost = false;
    c->recovery.keeps_cwnd = false;
    c->recovery.phase = TCP_OPEN;
    c->recovery.dup_acks = 0;
}

/* In TCP_REDUCED, until the segment with CWR is acknowledged. */
static bool is_over(const struct connection *c)
{
    return c->recovery.phase != TCP_OPEN &&
           !seq_before(c->snd.una,
                       c->recovery.point + (c->recovery.phase == TCP_REDUCED));
}

static void undo_recovery(struct connection *c, const struct delivery *d)
{
    c->tcp->counters.undone++;
    /* RFC 4015, 3.3: adapt RTO, or the next timeout is spurious, too. */
    if (c->recovery.phase == TCP_LOSS && c->ts.is_on && d->has_echo)
        rtt_update_by_echo(c, d->echo);
    c->cwnd = max(c->cwnd, c->undo.prior_cwnd);
    c->ssthresh = max(c->ssthresh, c->undo.prior_ssthresh);
    c->congestion->undo(c);
    sent_unmark_lost(c);
    c->recovery.phase = TCP_OPEN;
    c->recovery.point = c->snd.una;
    c->recovery.dup_acks = 0;
    c->undo.is_allowed = false;
}

void recovery_on_rto(struct connection *c)
{
    if (!c->sent.first)
        return;
    /* The loss of a retransmission does not reduce ssthresh again. */
    if (c->recovery.keeps_cwnd) {
        c->cwnd = c->undo.prior_cwnd;
        c->ssthresh = c->undo.prior_ssthresh;
    }
    if (c->recovery.keeps_cwnd || c->recovery.phase == TCP_OPEN) {
        enter_reduction(c, TCP_LOSS, tcp_unacked(c));
        begin_episode(c);
    } else if (c->recovery.phase == TCP_REDUCED) {
        begin_episode(c);
    }
    c->recovery.phase = TCP_LOSS;
    c->congestion->expired(c);
    path_on_rto(c);
    c->recovery.point = c->snd.nxt;
    c->recovery.dup_acks = 0;
    c->tlp.is_outstanding = false;
    if (c->sent.first->state == SENT_SACKED) {
        c->tcp->counters.reneged++;
        sent_forget_sacked(c);
    }
    if (c->sack.permitted)
        rack_mark_losses_on_rto(c);
    else
        sent_mark_all_lost(c);
    c->cwnd = tcp_in_flight(c) + c->mss;
}

/* RFC 6937, 3: sets cwnd to what is in flight plus what may be sent now. */
static void update_cwnd_by_prr(struct connection *c, const struct delivery *d,
                               uint32_t lost_before)
{
    uint32_t pipe = tcp_in_flight(c), may = 0;

    c->prr.delivered += d->bytes;
    if (pipe > c->ssthresh) {
        uint64_t goal =
            ((uint64_t)c->prr.delivered * c->ssthresh + c->prr.recover_fs - 1) /
            (c->prr.recover_fs ? c->prr.recover_fs : 1);

        may = goal > c->prr.out ? (uint32_t)(goal - c->prr.out) : 0;
    } else {
        uint32_t room = c->ssthresh - pipe;

        may = c->prr.delivered > c->prr.out ? c->prr.delivered - c->prr.out : 0;
        may = max(may, d->bytes);
        if (d->is_new && c->sent.lost <= lost_before)
            may += c->mss; /* PRR-SSRB */
        may = min(may, room);
    }
    /* The first retransmission is sent at once (RFC 6582, 3.2, 5). */
    if (may < c->mss && (c->prr.out == 0 || (d->is_new && !c->sack.permitted)))
        may = c->mss;
    c->cwnd = max(pipe + may, c->mss);
}

/* Without SACK: three duplicate ACKs (RFC 5681, 3.2), and each partial ACK (RFC
 * 6582, 3.2), show that the first segment is lost. */
static void detect_loss_without_sack(struct connection *c, struct delivery *d,
                                     bool is_duplicate)
{
    bool is_partial = d->is_new &&
                      c->recovery.phase == TCP_RECOVERY;
    struct sent_record *r = c->sent.first;

    if (is_duplicate && c->recovery.phase != TCP_LOSS &&
        c->recovery.dup_acks < c->sent.in_flight / c->mss) {
        c->recovery.dup_acks++;
        d->bytes += c->mss;
    } else if (d->is_new) {
        uint32_t counted = d->bytes / c->mss;

        /* These bytes were counted by duplicate ACKs, but for the lost segment.
         */
        counted = counted > 0 ? counted - 1 : 0;
        if (counted > c->recovery.dup_acks || !is_partial)
            counted = c->recovery.dup_acks;
        c->recovery.dup_acks -= counted;
        d->bytes -= min(counted * c->mss, d->bytes);
    }
    if (!r || r->state != SENT_IN_FLIGHT ||
        !(is_partial ||
          (c->recovery.phase < TCP_RECOVERY && c->recovery.dup_acks == 3)))
        return;
    if (r->end - r->seq > r->segment && !sent_split(c, r, r->seq + r->segment))
        return;
    sent_set_state(c, r, SENT_LOST);
}

/* Was the recovery spurious? */
static bool is_spurious(const struct connection *c, const struct delivery *d)
{
    if (!c->undo.is_allowed)
        return false;
    if (c->undo.has_retransmitted && c->undo.retransmitted == 0)
        return true;
    if (c->recovery.phase < TCP_RECOVERY || !d->is_new ||
        !c->undo.has_retransmitted)
        return false;
    if (c->ts.is_on)
        return d->has_echo && seq_before(d->echo, c->undo.retransmit_ts);
    return c->recovery.phase == TCP_LOSS && c->sack.permitted &&
           d->is_original && seq_before(c->snd.una, c->recovery.point);
}

static void process_dsack(struct connection *c, const struct delivery *d)
{
    uint32_t len = d->dsack.to - d->dsack.from;

    c->tcp->counters.repeats_in++;
    if (c->tlp.is_outstanding && d->dsack.to == c->tlp.end_seq) {
        /* The probe was spurious. A retransmission gives no RTT sample, so
         * lengthen the PTO as RFC 6298, 5.5 to 5.7 do the RTO. */
        if (c->tlp.spurious < 10)
            c->tlp.spurious++;
        return;
    }
    rack_on_dsack(c);
    if (!seq_before(d->dsack.from, c->undo.from))
        c->undo.retransmitted -=
            min(len, c->undo.retransmitted);
}

static void set_clocks(struct connection *c, const struct delivery *d)
{
    if (d->is_new) {
        c->keepalives = 0;
        tcp_set_unanswered(c, c->snd.una != c->snd.nxt ? d->now : 0);
        tcp_restart_rto(c); /* RFC 6298, 5.2, 5.3 */
        tlp_set_pto(c);
    } else if (!tlp_may_probe(c)) { /* a duplicate ACK does not restart it */
        c->clock[TCP_PTO] = FOREVER;
    }
}

void recovery_on_ack(struct connection *c, struct delivery *d,
                     bool is_duplicate)
{
    uint32_t lost = c->sent.lost;

    rtt_sample_delivery(c, d);
    if (c->rack.in_dsack_round && !seq_before(c->snd.una, c->rack.dsack_round))
        c->rack.in_dsack_round = false;
    if (d->has_dsack)
        process_dsack(c, d);
    if (is_spurious(c, d))
        undo_recovery(c, d);
    if (is_over(c))
        end_episode(c);
    if (!tlp_process_ack(c, d, is_duplicate) && c->recovery.phase == TCP_OPEN)
        enter_reduction(c, TCP_REDUCED, tcp_unacked(c) + d->acked);
    /* RFC 3168, 6.1.2: once per round trip. */
    if (d->is_marked && c->recovery.phase == TCP_OPEN) {
        c->tcp->counters.marks_echoed++;
        enter_reduction(c, TCP_REDUCED, tcp_unacked(c) + d->acked);
    }
    if (!c->sack.permitted)
        detect_loss_without_sack(c, d, is_duplicate);
    else if (c->sent.sacked > 0 || c->recovery.phase != TCP_OPEN ||
             c->sent.lost > 0)
        rack_detect_loss(c, d->now);
    if (c->sent.lost > 0 && c->recovery.phase < TCP_RECOVERY) {
        /* RFC 4821, 7.5: the loss of a probe is no sign of congestion. */
        if (c->path.probe_lost && is_one_segment(c))
            recovery_begin_keeping_cwnd(c);
        else
            begin_fast_recovery(c);
    }
    if (c->recovery.phase == TCP_RECOVERY || c->recovery.phase == TCP_REDUCED)
        update_cwnd_by_prr(c, d, lost);
    else if (c->recovery.phase == TCP_LOSS && d->bytes > 0)
        c->congestion->acked(c, d->bytes);
    else if (d->acked > 0)
        c->congestion->acked(c, d->acked);
    if (c->recovery.phase == TCP_OPEN &&
        !seq_before(c->snd.una, c->recovery.point))
        c->recovery.point =
            c->snd.una; /* keep it near: sequence numbers wrap */
    set_clocks(c, d);
}
