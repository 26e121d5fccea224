/* SPDX-License-Identifier: ISC */
/*
 * Selective acknowledgments as they are written (RFC 2018, RFC 2883): the
 * ranges that came too early, and what came twice.
 *
 * Ranges are the runs of tcp_held.c. The first is the one that got something
 * last, and the others follow by when they were told last (RFC 2018, 4). What
 * we have told of we keep.
 */
#include "tcp.h"

#define RECALLED   32 /* runs that are looked at for what was not told of */
#define LEAST_DATA 4  /* bytes of a segment that tells of ranges */

static bool is_empty(const struct tcp_range *r)
{
    return r->from == r->to;
}

/* Is a within b? */
static bool is_within(const struct tcp_range *a, const struct tcp_range *b)
{
    return !seq_before(a->from, b->from) && !seq_after(a->to, b->to);
}

/* RFC 2018, 4: the first range is all of the block that holds what has come. */
void sack_note_early(struct connection *c, uint32_t from, uint32_t to)
{
    const struct held *h = tcp_held_at(c, from);
    struct tcp_range   one = {from, to};
    int                kept = 0;

    if (!c->may_sack)
        return;
    if (c->early_count == 0 || from != c->early[0].to)
        c->early_told = 0;
    if (h)
        one = (struct tcp_range){h->seq, h->end};
    for (int i = 0; i < c->early_count; i++)
        if (!is_within(&c->early[i], &one))
            c->early[kept++] = c->early[i];
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

static bool is_told(const struct connection *c, const struct held *h)
{
    for (int i = 0; i < c->early_count; i++)
        if (c->early[i].from == h->seq)
            return true;
    return false;
}

/* Of the first runs that are held, and are not told of, the one to which
 * something came last; NULL: all are. */
static const struct held *latest_untold(const struct connection *c)
{
    const struct held *latest = NULL, *h = c->held;

    for (int i = 0; h && i < RECALLED; i++, h = h->next)
        if (!is_told(c, h) && (!latest || seq_after(h->came, latest->came)))
            latest = h;
    return latest;
}

/* Leaves out what is no longer early, and takes in, where there is room, what
 * was left out before when there were too many ranges. */
static void update(struct connection *c)
{
    const struct held *h;
    int                kept = 0;

    for (int i = 0; i < c->early_count; i++)
        if (seq_after(c->early[i].to, c->rcv_nxt))
            c->early[kept++] = c->early[i];
    c->early_count = (uint8_t)kept;
    while (c->may_sack && c->early_count < TCP_RANGES &&
           c->early_count < c->held_count && (h = latest_untold(c)) != NULL)
        c->early[c->early_count++] = (struct tcp_range){h->seq, h->end};
}

/* How many ranges fit into a segment. On a link with an MTU near 68 that leaves
 * room for data: two hosts that only tell of holes would not fill them. */
static unsigned most_ranges(const struct connection *c)
{
    unsigned most = c->timestamps ? TCP_RANGES - 1 : TCP_RANGES;

    while (most > 1 && 4 + 8 * most + LEAST_DATA > c->mss_full)
        most--;
    return most;
}

uint32_t sack_length(struct connection *c)
{
    unsigned count;

    update(c);
    count = c->early_count + !is_empty(&c->repeat);
    if (count > most_ranges(c))
        count = most_ranges(c);
    return count > 0 ? 4 + 8 * count : 0;
}

void sack_fill(struct connection *c, struct tcp_segment *s)
{
    unsigned most = most_ranges(c);

    update(c);
    if (!is_empty(&c->repeat)) {
        s->sack[s->sack_count++] = c->repeat;
        c->repeat = (struct tcp_range){0, 0};
    }
    for (int i = 0; i < c->early_count && s->sack_count < most; i++)
        s->sack[s->sack_count++] = c->early[i];
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
