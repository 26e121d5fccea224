/* SPDX-License-Identifier: ISC */
/*
 * Selective acknowledgments as they are written (RFC 2018, RFC 2883): the
 * ranges that came too early, and what came twice.
 *
 * Ranges are the runs of tcp_ooo.c. The first is the one that got something
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
void sack_note_out_of_order(struct connection *c, uint32_t from, uint32_t to)
{
    const struct ooo_run *h = ooo_find(c, from);
    struct tcp_range      one = {from, to};
    int                   kept = 0;

    if (!c->sack.permitted)
        return;
    if (c->sack.count == 0 || from != c->sack.block[0].to)
        c->sack.untold = 0;
    if (h)
        one = (struct tcp_range){h->seq, h->end};
    for (int i = 0; i < c->sack.count; i++)
        if (!is_within(&c->sack.block[i], &one))
            c->sack.block[kept++] = c->sack.block[i];
    if (kept == TCP_RANGES)
        kept--;
    for (int i = kept; i > 0; i--)
        c->sack.block[i] = c->sack.block[i - 1];
    c->sack.block[0] = one;
    c->sack.count = (uint8_t)(kept + 1);
}

void sack_note_duplicate(struct connection *c, uint32_t from, uint32_t to)
{
    /* One fits into an acknowledgment: the first since the last of those. */
    if (c->sack.permitted && is_empty(&c->sack.dsack))
        c->sack.dsack = (struct tcp_range){from, to};
}

/*
 * A sender takes three ACKs for a loss, and counts those of each gap; what only
 * lengthens the range behind it is no news that could not wait for the next.
 * Not where so short a time is much of a round trip: then it is for the end of
 * what has come with it.
 */
void sack_send_or_delay_ack(struct connection *c)
{
    nanoseconds trip = c->autotune.rtt ? c->autotune.rtt : c->rtt.srtt, wait = trip / 20;

    if (c->sack.untold < TCP_TOLD_SINGLY + TCP_UNTOLD_MOST)
        c->sack.untold++;
    if (!c->sack.permitted || c->sack.untold <= TCP_TOLD_SINGLY ||
        c->sack.untold == TCP_TOLD_SINGLY + TCP_UNTOLD_MOST) {
        tcp_send_ack(c);
        return;
    }
    if (wait > MILLISECOND)
        wait = MILLISECOND;
    if (wait < TCP_UNTOLD_LEAST)
        c->ack.now = true;
    else if (c->clock[TCP_ACKNOWLEDGE] > time_after(wait))
        tcp_set_clock(c, TCP_ACKNOWLEDGE, time_after(wait));
}

static bool is_told(const struct connection *c, const struct ooo_run *h)
{
    for (int i = 0; i < c->sack.count; i++)
        if (c->sack.block[i].from == h->seq)
            return true;
    return false;
}

/* Of the first runs that are held, and are not told of, the one to which
 * something came last; NULL: all are. */
static const struct ooo_run *latest_untold(const struct connection *c)
{
    const struct ooo_run *latest = NULL, *h = c->ooo.first;

    for (int i = 0; h && i < RECALLED; i++, h = h->next)
        if (!is_told(c, h) && (!latest || seq_after(h->arrival, latest->arrival)))
            latest = h;
    return latest;
}

/* Leaves out what is no longer early, and takes in, where there is room, what
 * was left out before when there were too many ranges. */
static void update(struct connection *c)
{
    const struct ooo_run *h;
    int                   kept = 0;

    for (int i = 0; i < c->sack.count; i++)
        if (seq_after(c->sack.block[i].to, c->rcv.nxt))
            c->sack.block[kept++] = c->sack.block[i];
    c->sack.count = (uint8_t)kept;
    while (c->sack.permitted && c->sack.count < TCP_RANGES &&
           c->sack.count < c->ooo.count && (h = latest_untold(c)) != NULL)
        c->sack.block[c->sack.count++] = (struct tcp_range){h->seq, h->end};
}

/* How many ranges fit into a segment. On a link with an MTU near 68 that leaves
 * room for data: two hosts that only tell of holes would not fill them. */
static unsigned most_ranges(const struct connection *c)
{
    unsigned most = c->ts.is_on ? TCP_RANGES - 1 : TCP_RANGES;

    while (most > 1 && 4 + 8 * most + LEAST_DATA > c->path.max_mss)
        most--;
    return most;
}

uint32_t sack_option_length(struct connection *c)
{
    unsigned count;

    update(c);
    count = c->sack.count + !is_empty(&c->sack.dsack);
    if (count > most_ranges(c))
        count = most_ranges(c);
    return count > 0 ? 4 + 8 * count : 0;
}

void sack_fill_option(struct connection *c, struct tcp_segment *s)
{
    unsigned most = most_ranges(c);

    update(c);
    if (!is_empty(&c->sack.dsack)) {
        s->sack[s->sack_count++] = c->sack.dsack;
        c->sack.dsack = (struct tcp_range){0, 0};
    }
    for (int i = 0; i < c->sack.count && s->sack_count < most; i++)
        s->sack[s->sack_count++] = c->sack.block[i];
}

bool sack_find_dsack(const struct connection *c, const struct tcp_segment *s,
                     struct tcp_range *repeat)
{
    const struct tcp_range *first = &s->sack[0];

    if (s->sack_count == 0 || !seq_before(first->from, first->to) ||
        seq_after(first->to, c->snd.nxt))
        return false;
    if (seq_after(first->to, s->ack) &&
        (s->sack_count == 1 || !is_within(first, &s->sack[1])))
        return false;
    /* Of what was sent in the last few windows, or it is very old. */
    if (seq_before(first->from, c->snd.nxt - 4 * TCP_QUEUE_MOST))
        return false;
    *repeat = *first;
    return true;
}
