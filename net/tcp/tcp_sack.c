/* SPDX-License-Identifier: ISC */
/*
 * SACK generation (RFC 2018), with D-SACK (RFC 2883).
 *
 * Blocks are the runs of the out-of-order queue: first the one that has grown
 * last, then others in the order of their last report (RFC 2018, 4).
 */
#include "tcp.h"
#include <mirage/macros.h>

#define RECALLED   32 /* runs that are searched for unreported ones */
#define LEAST_DATA 4 /* data bytes of a segment with blocks */

static bool is_empty(const struct tcp_range *r)
{
    return r->from == r->to;
}

/* Is a within b? */
static bool is_within(const struct tcp_range *a, const struct tcp_range *b)
{
    return !seq_before(a->from, b->from) && !seq_after(a->to, b->to);
}

/* RFC 2018, 4: the first block is the whole run that contains the segment. */
void sack_note_out_of_order(struct connection *c, const struct ooo_run *h,
                            uint32_t from, uint32_t to)
{
    struct tcp_range one = {from, to};
    int kept = 0;

    if (!c->sack.permitted)
        return;
    if (c->sack.count == 0 || from != c->sack.block[0].to)
        c->sack.since_hole = 0;
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
    /* An ACK has one D-SACK: that of the first duplicate since the last ACK. */
    if (c->sack.permitted && is_empty(&c->sack.dsack))
        c->sack.dsack = (struct tcp_range){from, to};
}

static bool is_reported(const struct connection *c, const struct ooo_run *h)
{
    for (int i = 0; i < c->sack.count; i++)
        if (c->sack.block[i].from == h->seq)
            return true;
    return false;
}

/* Of the first RECALLED runs without a block, the one that has grown last;
 * NULL: all have one. */
static const struct ooo_run *latest_untold(const struct connection *c)
{
    const struct ooo_run *latest = NULL, *h = c->ooo.first;

    for (int i = 0; h && i < RECALLED; i++, h = h->next)
        if (!is_reported(c, h) &&
            (!latest || seq_after(h->arrival, latest->arrival)))
            latest = h;
    return latest;
}

/* Removes blocks that are received in order by now, and adds runs that had no
 * room before. */
static void refresh_blocks(struct connection *c)
{
    const struct ooo_run *h;
    int kept = 0;

    for (int i = 0; i < c->sack.count; i++)
        if (seq_after(c->sack.block[i].to, c->rcv.nxt))
            c->sack.block[kept++] = c->sack.block[i];
    c->sack.count = (uint8_t)kept;
    while (c->sack.permitted && c->sack.count < TCP_RANGES &&
           c->sack.count < c->ooo.count && (h = latest_untold(c)) != NULL)
        c->sack.block[c->sack.count++] = (struct tcp_range){h->seq, h->end};
}

/* The most blocks of a segment. With an MTU near 68 room must be left for data:
 * otherwise two hosts that both have holes could never fill them. */
static unsigned max_blocks(const struct connection *c)
{
    unsigned most = c->ts.is_on ? TCP_RANGES - 1 : TCP_RANGES;

    while (most > 1 && 4 + 8 * most + LEAST_DATA > c->path.max_mss)
        most--;
    return most;
}

uint32_t sack_option_length(struct connection *c)
{
    unsigned count;

    refresh_blocks(c);
    count = c->sack.count + !is_empty(&c->sack.dsack);
    count = min(count, max_blocks(c));
    return count > 0 ? 4 + 8 * count : 0;
}

void sack_fill_option(struct connection *c, struct tcp_segment *s)
{
    unsigned most = max_blocks(c);

    refresh_blocks(c);
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
    /* RFC 2883 sets no limit; ignore one that is older than a few windows. */
    if (seq_before(first->from, c->snd.nxt - 4 * TCP_QUEUE_MOST))
        return false;
    *repeat = *first;
    return true;
}
