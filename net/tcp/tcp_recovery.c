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
    uint32_t came = c->duplicates * c->mss;

    /* Whose SACKs we do not have tells by the number of his ACKs. */
    return c->may_sack ? c->out : c->out > came ? c->out - came
                                                : 0;
}

/* Of ours and its path there is less to be had than we thought. */
static void reduce(struct connection *c, enum tcp_recovery why,
                   uint32_t flight)
{
    c->before_cwnd = c->cwnd;
    c->before_ssthresh = c->ssthresh;
    c->congestion->lost(c, flight < c->cwnd ? flight : c->cwnd);
    c->recovery = why;
    c->recover = c->snd_nxt;
    c->delivered = c->resent = 0;
    c->flight = flight;
    c->may_undo = why != TCP_REDUCED;
    c->cwr_due = c->ecn;
    c->is_quiet = false;
}

/* From here on it is known what is sent again. */
static void begin_episode(struct connection *c)
{
    c->undo_from = c->snd_una;
    c->undo_left = 0;
    c->has_resent = false;
    c->clock[TCP_TAIL] = FOREVER;
    c->tail_probed = false;
}

/* Is what is lost one piece of one segment, as a probe is? */
static bool is_one_segment(struct connection *c)
{
    const struct sent *r = sent_first_lost(c);

    return r && c->lost == r->end - r->seq && c->lost == r->segment;
}

static void begin_repair(struct connection *c)
{
    c->tcp->counters.fast_retransmits++;
    begin_episode(c);
    if (c->recovery == TCP_OPEN) {
        reduce(c, TCP_REPAIR, tcp_unacked(c));
        return;
    }
    /* It was reduced in this round trip already. */
    c->recovery = TCP_REPAIR;
    c->recover = c->snd_nxt;
    c->may_undo = false;
}

void recovery_begin_quietly(struct connection *c)
{
    uint32_t ssthresh = c->ssthresh;

    if (c->recovery >= TCP_REPAIR)
        return;
    begin_episode(c);
    c->recovery = TCP_REPAIR;
    c->recover = c->snd_nxt;
    c->delivered = c->resent = 0;
    c->flight = tcp_unacked(c);
    c->before_cwnd = c->ssthresh = c->cwnd;
    c->before_ssthresh = ssthresh;
    c->may_undo = false;
    c->is_quiet = true;
}

static void end_episode(struct connection *c)
{
    if (c->recovery != TCP_EXPIRED)
        c->cwnd = c->ssthresh > c->mss ? c->ssthresh : c->mss;
    if (c->is_quiet)
        c->ssthresh = c->before_ssthresh;
    if (c->recovery >= TCP_REPAIR)
        rack_note_recovered(c);
    c->probe_lost = false;
    c->is_quiet = false;
    c->recovery = TCP_OPEN;
    c->duplicates = 0;
}

/* One of marks lasts until what tells the peer of it has arrived. */
static bool is_over(const struct connection *c)
{
    return c->recovery != TCP_OPEN &&
           !seq_before(c->snd_una, c->recover + (c->recovery == TCP_REDUCED));
}

static void undo(struct connection *c, const struct delivery *d)
{
    c->tcp->counters.undone++;
    /* RFC 4015, 3.3: or the next would ring too early as well. */
    if (c->recovery == TCP_EXPIRED && c->timestamps && d->has_echo)
        tcp_measure_echo(c, d->echo);
    if (c->cwnd < c->before_cwnd)
        c->cwnd = c->before_cwnd;
    if (c->ssthresh < c->before_ssthresh)
        c->ssthresh = c->before_ssthresh;
    c->congestion->undo(c);
    sent_find_all(c);
    c->recovery = TCP_OPEN;
    c->recover = c->snd_una;
    c->duplicates = 0;
    c->may_undo = false;
}

void recovery_expire(struct connection *c)
{
    if (!c->sent)
        return;
    /* What is lost once more is the same loss, for which it was reduced. */
    if (c->is_quiet) {
        c->cwnd = c->before_cwnd;
        c->ssthresh = c->before_ssthresh;
    }
    if (c->is_quiet || c->recovery == TCP_OPEN) {
        reduce(c, TCP_EXPIRED, tcp_unacked(c));
        begin_episode(c);
    } else if (c->recovery == TCP_REDUCED) {
        begin_episode(c);
    }
    c->recovery = TCP_EXPIRED;
    c->congestion->expired(c);
    path_note_timeout(c);
    c->recover = c->snd_nxt;
    c->duplicates = 0;
    c->tail_probed = false;
    if (c->sent->state == SENT_TAKEN) {
        c->tcp->counters.reneged++;
        sent_forget_taken(c);
    }
    if (c->may_sack)
        rack_expire(c);
    else
        sent_lose_all(c);
    c->cwnd = tcp_in_flight(c) + c->mss;
}

/* RFC 6937, 3: cwnd is what is under way and what may be added now. */
static void follow(struct connection *c, const struct delivery *d,
                   uint32_t lost_before)
{
    uint32_t pipe = tcp_in_flight(c), may = 0;

    c->delivered += d->bytes;
    if (pipe > c->ssthresh) {
        uint64_t goal = ((uint64_t)c->delivered * c->ssthresh + c->flight - 1) /
                        (c->flight ? c->flight : 1);

        may = goal > c->resent ? (uint32_t)(goal - c->resent) : 0;
    } else {
        uint32_t room = c->ssthresh - pipe;

        may = c->delivered > c->resent ? c->delivered - c->resent : 0;
        if (may < d->bytes)
            may = d->bytes;
        if (d->is_new && c->lost <= lost_before)
            may += c->mss; /* all is well: slow start */
        if (may > room)
            may = room;
    }
    /* What tells of a loss repairs it at once (RFC 6582, 3.2, 5). */
    if (may < c->mss && (c->resent == 0 || (d->is_new && !c->may_sack)))
        may = c->mss;
    c->cwnd = pipe + may > c->mss ? pipe + may : c->mss;
}

/* A peer without SACK: three of the same (RFC 5681, 3.2), and each ACK that
 * does not reach to the end (RFC 6582, 3.2) tell of the loss of the first. */
static void count_duplicates(struct connection *c, struct delivery *d,
                             bool is_duplicate)
{
    bool         is_partial = d->is_new && c->recovery == TCP_REPAIR;
    struct sent *r = c->sent;

    if (is_duplicate && c->recovery != TCP_EXPIRED &&
        c->duplicates < c->out / c->mss) {
        c->duplicates++;
        d->bytes += c->mss;
    } else if (d->is_new) {
        uint32_t counted = d->bytes / c->mss;

        /* What it acknowledges now was counted, but for what was lost. */
        counted = counted > 0 ? counted - 1 : 0;
        if (counted > c->duplicates || !is_partial)
            counted = c->duplicates;
        c->duplicates -= counted;
        d->bytes -= counted * c->mss < d->bytes ? counted * c->mss : d->bytes;
    }
    if (!r || r->state != SENT_OUT ||
        !(is_partial || (c->recovery < TCP_REPAIR && c->duplicates == 3)))
        return;
    if (r->end - r->seq > r->segment && !sent_cut(c, r, r->seq + r->segment))
        return;
    sent_set(c, r, SENT_LOST);
}

/* Was what is being repaired not lost at all? */
static bool is_spurious(const struct connection *c, const struct delivery *d)
{
    if (!c->may_undo)
        return false;
    if (c->has_resent && c->undo_left == 0)
        return true;
    if (c->recovery < TCP_REPAIR || !d->is_new || !c->has_resent)
        return false;
    if (c->timestamps)
        return d->has_echo && seq_before(d->echo, c->first_resent_time);
    return c->recovery == TCP_EXPIRED && c->may_sack && d->is_original &&
           seq_before(c->snd_una, c->recover);
}

static void take_repeat(struct connection *c, const struct delivery *d)
{
    uint32_t len = d->repeat.to - d->repeat.from;

    c->tcp->counters.repeats_in++;
    if (c->tail_probed && d->repeat.to == c->tail_end) {
        /* It came too early; and of what is sent twice there is no measure by
         * which to wait longer (RFC 6298, 5.5 to 5.7). */
        if (c->tail_early < 10)
            c->tail_early++;
        return;
    }
    rack_note_repeat(c);
    if (!seq_before(d->repeat.from, c->undo_from))
        c->undo_left -= len < c->undo_left ? len : c->undo_left;
}

static void set_clocks(struct connection *c, const struct delivery *d)
{
    if (d->is_new) {
        c->keepalives = 0;
        tcp_set_unanswered(c, c->snd_una != c->snd_nxt ? d->now : 0);
        tcp_restart_retransmit(c); /* RFC 6298, 5.2, 5.3 */
        rack_set_tail(c);
    } else if (!rack_may_probe(c)) { /* and a duplicate does not put it off */
        c->clock[TCP_TAIL] = FOREVER;
    }
}

void recovery_take(struct connection *c, struct delivery *d,
                   bool is_duplicate)
{
    uint32_t lost = c->lost;

    tcp_measure_delivery(c, d);
    if (c->in_repeat_round && !seq_before(c->snd_una, c->repeat_round))
        c->in_repeat_round = false;
    if (d->has_repeat)
        take_repeat(c, d);
    if (is_spurious(c, d))
        undo(c, d);
    if (is_over(c))
        end_episode(c);
    if (!rack_tail_is_well(c, d, is_duplicate) && c->recovery == TCP_OPEN)
        reduce(c, TCP_REDUCED, tcp_unacked(c) + d->acked);
    /* RFC 3168, 6.1.2: once in a round trip. */
    if (d->is_marked && c->recovery == TCP_OPEN) {
        c->tcp->counters.marks_echoed++;
        reduce(c, TCP_REDUCED, tcp_unacked(c) + d->acked);
    }
    if (!c->may_sack)
        count_duplicates(c, d, is_duplicate);
    else if (c->taken > 0 || c->recovery != TCP_OPEN || c->lost > 0)
        rack_look(c, d->now);
    if (c->lost > 0 && c->recovery < TCP_REPAIR) {
        /* RFC 4821, 7.5: a probe that is lost was too long. */
        if (c->probe_lost && is_one_segment(c))
            recovery_begin_quietly(c);
        else
            begin_repair(c);
    }
    if (c->recovery == TCP_REPAIR || c->recovery == TCP_REDUCED)
        follow(c, d, lost);
    else if (c->recovery == TCP_EXPIRED && d->bytes > 0)
        c->congestion->acked(c, d->bytes);
    else if (d->acked > 0)
        c->congestion->acked(c, d->acked);
    if (c->recovery == TCP_OPEN && !seq_before(c->snd_una, c->recover))
        c->recover = c->snd_una; /* or in 2 GiB it would be ahead again */
    set_clocks(c, d);
}
