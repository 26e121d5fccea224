/* SPDX-License-Identifier: ISC */
/*
 * What an acknowledgment means: that the window may grow, that something is
 * lost, or that nothing was after all.
 *
 * While losses are repaired, what is sent follows what arrives, so that at the
 * end ssthresh is under way (RFC 6937). A repair that was none is undone: an
 * echo of an older time stamp shows it (RFC 3522), or that the peer got twice
 * all that was sent again (RFC 2883, as RFC 3708 has it), or, without time
 * stamps, that something arrives which the time-out sent not again (RFC 5682).
 */
#include "tcp.h"

uint32_t tcp_in_flight(const struct connection *c)
{
    uint32_t came = c->recovery.dup_acks * c->mss;

    /* Whose SACKs we do not have tells by the number of his ACKs. */
    return c->sack.permitted ? c->sent.in_flight : c->sent.in_flight > came ? c->sent.in_flight - came
                                                                            : 0;
}

/* Of ours and its path there is less to be had than we thought. */
static void reduce(struct connection *c, enum tcp_phase why,
                   uint32_t flight)
{
    c->undo.prior_cwnd = c->cwnd;
    c->undo.prior_ssthresh = c->ssthresh;
    c->congestion->lost(c, flight < c->cwnd ? flight : c->cwnd);
    c->recovery.phase = why;
    c->recovery.point = c->snd.nxt;
    c->prr.delivered = c->prr.out = 0;
    c->prr.recover_fs = flight;
    c->undo.is_allowed = why != TCP_REDUCED;
    c->ecn.cwr_due = c->ecn.is_on;
    c->recovery.keeps_cwnd = false;
}

/* From here on it is known what is sent again. */
static void begin_episode(struct connection *c)
{
    c->undo.from = c->snd.una;
    c->undo.retransmitted = 0;
    c->undo.has_retransmitted = false;
    c->clock[TCP_PTO] = FOREVER;
    c->tlp.is_outstanding = false;
}

/* Is what is lost one piece of one segment, as a probe is? */
static bool is_one_segment(struct connection *c)
{
    const struct sent_record *r = sent_first_lost(c);

    return r && c->sent.lost == r->end - r->seq && c->sent.lost == r->segment;
}

static void begin_repair(struct connection *c)
{
    c->tcp->counters.fast_retransmits++;
    begin_episode(c);
    if (c->recovery.phase == TCP_OPEN) {
        reduce(c, TCP_RECOVERY, tcp_unacked(c));
        return;
    }
    /* It was reduced in this round trip already. */
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
        c->cwnd = c->ssthresh > c->mss ? c->ssthresh : c->mss;
    if (c->recovery.keeps_cwnd)
        c->ssthresh = c->undo.prior_ssthresh;
    if (c->recovery.phase >= TCP_RECOVERY)
        rack_on_recovery_end(c);
    c->path.probe_lost = false;
    c->recovery.keeps_cwnd = false;
    c->recovery.phase = TCP_OPEN;
    c->recovery.dup_acks = 0;
}

/* One of marks lasts until what tells the peer of it has arrived. */
static bool is_over(const struct connection *c)
{
    return c->recovery.phase != TCP_OPEN &&
           !seq_before(c->snd.una, c->recovery.point + (c->recovery.phase == TCP_REDUCED));
}

static void undo(struct connection *c, const struct delivery *d)
{
    c->tcp->counters.undone++;
    /* RFC 4015, 3.3: or the next would ring too early as well. */
    if (c->recovery.phase == TCP_LOSS && c->ts.is_on && d->has_echo)
        rtt_update_by_echo(c, d->echo);
    if (c->cwnd < c->undo.prior_cwnd)
        c->cwnd = c->undo.prior_cwnd;
    if (c->ssthresh < c->undo.prior_ssthresh)
        c->ssthresh = c->undo.prior_ssthresh;
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
    /* What is lost once more is the same loss, for which it was reduced. */
    if (c->recovery.keeps_cwnd) {
        c->cwnd = c->undo.prior_cwnd;
        c->ssthresh = c->undo.prior_ssthresh;
    }
    if (c->recovery.keeps_cwnd || c->recovery.phase == TCP_OPEN) {
        reduce(c, TCP_LOSS, tcp_unacked(c));
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

/* RFC 6937, 3: cwnd is what is under way and what may be added now. */
static void follow(struct connection *c, const struct delivery *d,
                   uint32_t lost_before)
{
    uint32_t pipe = tcp_in_flight(c), may = 0;

    c->prr.delivered += d->bytes;
    if (pipe > c->ssthresh) {
        uint64_t goal = ((uint64_t)c->prr.delivered * c->ssthresh + c->prr.recover_fs - 1) /
                        (c->prr.recover_fs ? c->prr.recover_fs : 1);

        may = goal > c->prr.out ? (uint32_t)(goal - c->prr.out) : 0;
    } else {
        uint32_t room = c->ssthresh - pipe;

        may = c->prr.delivered > c->prr.out ? c->prr.delivered - c->prr.out : 0;
        if (may < d->bytes)
            may = d->bytes;
        if (d->is_new && c->sent.lost <= lost_before)
            may += c->mss; /* all is well: slow start */
        if (may > room)
            may = room;
    }
    /* What tells of a loss repairs it at once (RFC 6582, 3.2, 5). */
    if (may < c->mss && (c->prr.out == 0 || (d->is_new && !c->sack.permitted)))
        may = c->mss;
    c->cwnd = pipe + may > c->mss ? pipe + may : c->mss;
}

/* A peer without SACK: three of the same (RFC 5681, 3.2), and each ACK that
 * does not reach to the end (RFC 6582, 3.2) tell of the loss of the first. */
static void count_duplicates(struct connection *c, struct delivery *d,
                             bool is_duplicate)
{
    bool                is_partial = d->is_new && c->recovery.phase == TCP_RECOVERY;
    struct sent_record *r = c->sent.first;

    if (is_duplicate && c->recovery.phase != TCP_LOSS &&
        c->recovery.dup_acks < c->sent.in_flight / c->mss) {
        c->recovery.dup_acks++;
        d->bytes += c->mss;
    } else if (d->is_new) {
        uint32_t counted = d->bytes / c->mss;

        /* What it acknowledges now was counted, but for what was lost. */
        counted = counted > 0 ? counted - 1 : 0;
        if (counted > c->recovery.dup_acks || !is_partial)
            counted = c->recovery.dup_acks;
        c->recovery.dup_acks -= counted;
        d->bytes -= counted * c->mss < d->bytes ? counted * c->mss : d->bytes;
    }
    if (!r || r->state != SENT_IN_FLIGHT ||
        !(is_partial || (c->recovery.phase < TCP_RECOVERY && c->recovery.dup_acks == 3)))
        return;
    if (r->end - r->seq > r->segment && !sent_split(c, r, r->seq + r->segment))
        return;
    sent_set_state(c, r, SENT_LOST);
}

/* Was what is being repaired not lost at all? */
static bool is_spurious(const struct connection *c, const struct delivery *d)
{
    if (!c->undo.is_allowed)
        return false;
    if (c->undo.has_retransmitted && c->undo.retransmitted == 0)
        return true;
    if (c->recovery.phase < TCP_RECOVERY || !d->is_new || !c->undo.has_retransmitted)
        return false;
    if (c->ts.is_on)
        return d->has_echo && seq_before(d->echo, c->undo.retransmit_ts);
    return c->recovery.phase == TCP_LOSS && c->sack.permitted && d->is_original &&
           seq_before(c->snd.una, c->recovery.point);
}

static void take_repeat(struct connection *c, const struct delivery *d)
{
    uint32_t len = d->dsack.to - d->dsack.from;

    c->tcp->counters.repeats_in++;
    if (c->tlp.is_outstanding && d->dsack.to == c->tlp.end_seq) {
        /* It came too early; and of what is sent twice there is no measure by
         * which to wait longer (RFC 6298, 5.5 to 5.7). */
        if (c->tlp.spurious < 10)
            c->tlp.spurious++;
        return;
    }
    rack_on_dsack(c);
    if (!seq_before(d->dsack.from, c->undo.from))
        c->undo.retransmitted -= len < c->undo.retransmitted ? len : c->undo.retransmitted;
}

static void set_clocks(struct connection *c, const struct delivery *d)
{
    if (d->is_new) {
        c->keepalives = 0;
        tcp_set_unanswered(c, c->snd.una != c->snd.nxt ? d->now : 0);
        tcp_restart_rto(c); /* RFC 6298, 5.2, 5.3 */
        tlp_set_pto(c);
    } else if (!tlp_may_probe(c)) { /* and a duplicate does not put it off */
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
        take_repeat(c, d);
    if (is_spurious(c, d))
        undo(c, d);
    if (is_over(c))
        end_episode(c);
    if (!tlp_process_ack(c, d, is_duplicate) && c->recovery.phase == TCP_OPEN)
        reduce(c, TCP_REDUCED, tcp_unacked(c) + d->acked);
    /* RFC 3168, 6.1.2: once in a round trip. */
    if (d->is_marked && c->recovery.phase == TCP_OPEN) {
        c->tcp->counters.marks_echoed++;
        reduce(c, TCP_REDUCED, tcp_unacked(c) + d->acked);
    }
    if (!c->sack.permitted)
        count_duplicates(c, d, is_duplicate);
    else if (c->sent.sacked > 0 || c->recovery.phase != TCP_OPEN || c->sent.lost > 0)
        rack_detect_loss(c, d->now);
    if (c->sent.lost > 0 && c->recovery.phase < TCP_RECOVERY) {
        /* RFC 4821, 7.5: a probe that is lost was too long. */
        if (c->path.probe_lost && is_one_segment(c))
            recovery_begin_keeping_cwnd(c);
        else
            begin_repair(c);
    }
    if (c->recovery.phase == TCP_RECOVERY || c->recovery.phase == TCP_REDUCED)
        follow(c, d, lost);
    else if (c->recovery.phase == TCP_LOSS && d->bytes > 0)
        c->congestion->acked(c, d->bytes);
    else if (d->acked > 0)
        c->congestion->acked(c, d->acked);
    if (c->recovery.phase == TCP_OPEN && !seq_before(c->snd.una, c->recovery.point))
        c->recovery.point = c->snd.una; /* or in 2 GiB it would be ahead again */
    set_clocks(c, d);
}
