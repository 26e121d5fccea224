/* SPDX-License-Identifier: ISC */
/*
 * Selective acknowledgments as they are written (RFC 2018, RFC 2883): the
 * ranges that came too early, and what came twice.
 *
 * The first range holds what has come last, the others follow by when they were
 * told last (RFC 2018, 4). What we have told of we keep.
 */
#include "tcp.h"

static bool is_empty(const struct tcp_range *r)
{
    return r->from == r->to;
}

/* Do they overlap, or touch? */
static bool meet(const struct tcp_range *a, const struct tcp_range *b)
{
    return !seq_after(a->from, b->to) && !seq_after(b->from, a->to);
}

void sack_note_early(struct connection *c, uint32_t from, uint32_t to)
{
    struct tcp_range one = {from, to};
    int              kept = 0;

    if (!c->may_sack)
        return;
    if (c->early_count == 0 || from != c->early[0].to)
        c->early_told = 0;
    for (int i = 0; i < c->early_count; i++) {
        const struct tcp_range *r = &c->early[i];

        if (meet(r, &one)) {
            if (seq_before(r->from, one.from))
                one.from = r->from;
            if (seq_after(r->to, one.to))
                one.to = r->to;
        } else {
            c->early[kept++] = *r;
        }
    }
    if (kept == TCP_RANGES)
        kept--;
    for (int i = kept; i > 0; i--)
        c->early[i] = c->early[i - 1];
    c->early[0] = one;
    c->early_count = (uint8_t)(kept + 1);
}

void sack_note_repeat(struct connection *c, uint32_t from, uint32_t to)
{
    /* One fits into an acknowledgment: the first since the last of those. */
    if (c->may_sack && is_empty(&c->repeat))
        c->repeat = (struct tcp_range){from, to};
}

/*
 * A sender takes three ACKs for a loss, and counts those of each gap; what only
 * lengthens the range behind it is no news that could not wait for the next.
 * Not where so short a time is much of a round trip: then it is for the end of
 * what has come with it.
 */
void sack_tell_early(struct connection *c)
{
    nanoseconds trip = c->read_trip ? c->read_trip : c->srtt, wait = trip / 20;

    if (c->early_told < TCP_TOLD_SINGLY + TCP_UNTOLD_MOST)
        c->early_told++;
    if (!c->may_sack || c->early_told <= TCP_TOLD_SINGLY ||
        c->early_told == TCP_TOLD_SINGLY + TCP_UNTOLD_MOST) {
        tcp_send_ack(c);
        return;
    }
    if (wait > MILLISECOND)
        wait = MILLISECOND;
    if (wait < TCP_UNTOLD_LEAST)
        c->ack_now = true;
    else if (c->clock[TCP_ACKNOWLEDGE] > time_after(wait))
        tcp_set_clock(c, TCP_ACKNOWLEDGE, time_after(wait));
}

/* What is no longer early. */
static void forget(struct connection *c)
{
    int kept = 0;

    for (int i = 0; i < c->early_count; i++)
        if (seq_after(c->early[i].to, c->rcv_nxt))
            c->early[kept++] = c->early[i];
    c->early_count = (uint8_t)kept;
}

/* How many ranges fit into a segment. */
static unsigned most_ranges(const struct connection *c)
{
    return c->timestamps ? TCP_RANGES - 1 : TCP_RANGES;
}

uint32_t sack_length(struct connection *c)
{
    unsigned count;

    forget(c);
    count = c->early_count + !is_empty(&c->repeat);
    if (count > most_ranges(c))
        count = most_ranges(c);
    return count > 0 ? 4 + 8 * count : 0;
}

void sack_fill(struct connection *c, struct tcp_segment *s)
{
    unsigned most = most_ranges(c);

    forget(c);
    if (!is_empty(&c->repeat)) {
        s->sack[s->sack_count++] = c->repeat;
        c->repeat = (struct tcp_range){0, 0};
    }
    for (int i = 0; i < c->early_count && s->sack_count < most; i++)
        s->sack[s->sack_count++] = c->early[i];
}

/* Is a within b? */
static bool is_within(const struct tcp_range *a, const struct tcp_range *b)
{
    return !seq_before(a->from, b->from) && !seq_after(a->to, b->to);
}

bool sack_repeat(const struct connection *c, const struct tcp_segment *s,
                 struct tcp_range *repeat)
{
    const struct tcp_range *first = &s->sack[0];

    if (s->sack_count == 0 || !seq_before(first->from, first->to) ||
        seq_after(first->to, c->snd_nxt))
        return false;
    if (seq_after(first->to, s->ack) &&
        (s->sack_count == 1 || !is_within(first, &s->sack[1])))
        return false;
    /* Of what was sent in the last few windows, or it is very old. */
    if (seq_before(first->from, c->snd_nxt - 4 * TCP_QUEUE_MOST))
        return false;
    *repeat = *first;
    return true;
}
