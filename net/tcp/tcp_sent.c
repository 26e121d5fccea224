/* SPDX-License-Identifier: ISC */
/*
 * What is under way. A record stands for a piece as it was sent, of up to
 * 64 KiB, and is cut when the peer has got a part of it: so there are few, and
 * what the peer has, one behind the other, is one record again.
 *
 * Each connection has one record, and others come from a pool. Without one a
 * new piece is not sent, and what the peer says of a part is not noted: that
 * costs time, and never data. A piece is cut only between segments, so that
 * ranges of single bytes, as a hostile peer may name them, make no more records
 * than there are segments.
 */
#include "tcp.h"

static bool has_record(const struct connection *c)
{
    return !c->own_is_used || (c->sent_count < TCP_SENT_EACH &&
                               c->tcp->sent_count < TCP_SENT);
}

bool sent_has_room(const struct connection *c)
{
    return has_record(c);
}

static struct sent *take(struct connection *c)
{
    struct tcpv4 *tcp = c->tcp;
    struct sent  *r = tcp->free_sent;

    if (!has_record(c))
        return NULL;
    c->sent_count++;
    if (!c->own_is_used) {
        c->own_is_used = true;
        return &c->own_sent;
    }
    if (r)
        tcp->free_sent = r->next;
    else
        r = &tcp->sent_pool[tcp->sent_used++];
    tcp->sent_count++;
    return r;
}

static void give(struct connection *c, struct sent *r)
{
    struct tcpv4 *tcp = c->tcp;

    c->sent_count--;
    if (r == &c->own_sent) {
        c->own_is_used = false;
        return;
    }
    r->next = tcp->free_sent;
    tcp->free_sent = r;
    tcp->sent_count--;
}

static void link_out(struct connection *c, struct sent *r, struct sent *behind)
{
    r->earlier = behind;
    r->later = behind ? behind->later : c->earliest;
    *(r->earlier ? &r->earlier->later : &c->earliest) = r;
    *(r->later ? &r->later->earlier : &c->latest) = r;
}

static void unlink_out(struct connection *c, const struct sent *r)
{
    *(r->earlier ? &r->earlier->later : &c->earliest) = r->later;
    *(r->later ? &r->later->earlier : &c->latest) = r->earlier;
}

static uint32_t *sum_of(struct connection *c, uint8_t state)
{
    return state == SENT_OUT ? &c->out : state == SENT_LOST ? &c->lost
                                                            : &c->taken;
}

void sent_set(struct connection *c, struct sent *r, enum sent_state state)
{
    uint32_t len = r->end - r->seq;

    *sum_of(c, r->state) -= len;
    *sum_of(c, state) += len;
    if (r->state == SENT_OUT)
        unlink_out(c, r);
    if (state == SENT_OUT)
        link_out(c, r, c->latest);
    r->state = (uint8_t)state;
    if (state == SENT_LOST && r->is_probe)
        path_note_loss(c, r);
    if (state == SENT_LOST &&
        (!c->lost_place || seq_before(r->seq, c->lost_place->seq)))
        c->lost_place = r;
}

struct sent *sent_first_lost(struct connection *c)
{
    while (c->lost_place && c->lost_place->state != SENT_LOST)
        c->lost_place = c->lost_place->next;
    return c->lost_place;
}

void sent_add(struct connection *c, uint32_t end)
{
    struct sent *r = take(c);

    *r = (struct sent){.time = time_now(),
                       .seq = c->snd_nxt,
                       .end = end,
                       .segment = c->mss};
    if (c->sent)
        c->sent_last->next = r;
    else
        c->sent = r;
    c->sent_last = r;
    c->out += end - r->seq;
    link_out(c, r, c->latest);
    c->snd_nxt = end;
}

void sent_again(struct connection *c, struct sent *r)
{
    r->time = time_now();
    r->is_resent = true;
    r->is_probe = false;
    r->segment = c->mss;
    sent_set(c, r, SENT_OUT);
}

bool sent_cut(struct connection *c, struct sent *r, uint32_t at)
{
    struct sent *rest = take(c);

    if (!rest)
        return false;
    *rest = *r;
    rest->seq = r->end = at;
    r->next = rest;
    if (c->sent_last == r)
        c->sent_last = rest;
    if (rest->state == SENT_OUT)
        link_out(c, rest, r);
    return true;
}

void sent_join(struct connection *c, struct sent *r)
{
    struct sent *next = r->next;

    r->end = next->end;
    r->next = next->next;
    r->is_resent |= next->is_resent;
    if (r->segment != next->segment)
        r->segment = c->mss;
    if (c->sent_last == next)
        c->sent_last = r;
    if (c->taken_place == next)
        c->taken_place = r;
    if (c->lost_place == next)
        c->lost_place = r;
    if (next->state == SENT_OUT)
        unlink_out(c, next);
    give(c, next);
}

/* Of r the bytes up to end have arrived, from from on. */
static void note_arrival(struct connection *c, const struct sent *r,
                         uint32_t from, uint32_t end, struct delivery *d)
{
    if (r->state == SENT_TAKEN)
        return;
    d->bytes += end - from;
    if (!r->is_resent) {
        if (d->oldest == 0 || r->time < d->oldest)
            d->oldest = r->time;
        if (r->time > d->newest)
            d->newest = r->time;
        if (seq_before(r->seq, c->recover))
            d->is_original = true;
    }
    rack_note(c, r, end, d);
}

void sent_acked(struct connection *c, struct delivery *d)
{
    struct sent *r;

    while ((r = c->sent) != NULL && seq_before(r->seq, c->snd_una)) {
        if (seq_after(r->end, c->snd_una)) {
            note_arrival(c, r, r->seq, c->snd_una, d);
            *sum_of(c, r->state) -= c->snd_una - r->seq;
            r->seq = c->snd_una;
            break;
        }
        note_arrival(c, r, r->seq, r->end, d);
        *sum_of(c, r->state) -= r->end - r->seq;
        if (r->state == SENT_OUT)
            unlink_out(c, r);
        if (c->taken_place == r)
            c->taken_place = NULL;
        if (c->lost_place == r)
            c->lost_place = r->next;
        if (r->is_probe)
            path_note_arrival(c, r->segment);
        c->sent = r->next;
        give(c, r);
    }
    if (!c->sent)
        c->sent_last = NULL;
}

/* The last number, not after at, between two of r's segments. */
static uint32_t seam_before(const struct sent *r, uint32_t at)
{
    return at - (at - r->seq) % r->segment;
}

/* The peer has [from, to), which lie in what is under way. */
static void take_range(struct connection *c, uint32_t from, uint32_t to,
                       struct delivery *d)
{
    struct sent *r = c->taken_place, *before = NULL;

    if (!r || seq_after(r->seq, from))
        r = c->sent;
    for (; r && seq_before(r->seq, to); before = r, r = r->next) {
        uint32_t seam;

        if (!seq_after(r->end, from) || r->state == SENT_TAKEN)
            continue;
        seam = seam_before(r, from + r->segment - 1);
        if (seq_before(r->seq, from)) {
            if (seq_before(seam, r->end) && !sent_cut(c, r, seam))
                break;
            continue; /* what it has of r is next */
        }
        seam = seam_before(r, to);
        if (seq_after(r->end, to) &&
            (seam == r->seq || !sent_cut(c, r, seam)))
            break;
        note_arrival(c, r, r->seq, r->end, d);
        sent_set(c, r, SENT_TAKEN);
        if (r->is_probe)
            path_note_arrival(c, r->segment);
        if (r->next && r->next->state == SENT_TAKEN)
            sent_join(c, r);
        if (before && before->state == SENT_TAKEN) {
            sent_join(c, before);
            r = before;
        }
        c->taken_place = r;
    }
}

void sent_take(struct connection *c, const struct tcp_segment *s,
               struct delivery *d)
{
    struct tcp_range range[TCP_RANGES];
    int              count = 0;

    /* The lowest first, or later ones would seem to have come too late. */
    for (int i = 0; i < s->sack_count; i++) {
        struct tcp_range one = s->sack[i];
        int              at = count;

        if (seq_before(one.from, c->snd_una) ||
            !seq_before(one.from, one.to) || seq_after(one.to, c->snd_nxt))
            continue;
        for (; at > 0 && seq_before(one.from, range[at - 1].from); at--)
            range[at] = range[at - 1];
        range[at] = one;
        count++;
    }
    for (int i = 0; i < count; i++)
        take_range(c, range[i].from, range[i].to, d);
}

void sent_lose_all(struct connection *c)
{
    for (struct sent *r = c->sent; r; r = r->next)
        if (r->state == SENT_OUT)
            sent_set(c, r, SENT_LOST);
}

void sent_forget_taken(struct connection *c)
{
    for (struct sent *r = c->sent; r; r = r->next)
        if (r->state == SENT_TAKEN)
            sent_set(c, r, SENT_LOST);
    c->taken_place = NULL;
}

/* To its place by time. Times rise with the numbers, but for what was sent
 * again: so it is next to at, which was put in before, or nearly. */
static void put_by_time(struct connection *c, struct sent *r, struct sent *at)
{
    while (at && at->time > r->time)
        at = at->earlier;
    while ((at ? at->later : c->earliest) &&
           (at ? at->later : c->earliest)->time <= r->time)
        at = at ? at->later : c->earliest;
    unlink_out(c, r);
    link_out(c, r, at == r ? r->earlier : at);
}

void sent_find_all(struct connection *c)
{
    struct sent *at = NULL;

    for (struct sent *r = c->sent; r; r = r->next)
        if (r->state == SENT_LOST) {
            sent_set(c, r, SENT_OUT);
            put_by_time(c, r, at);
            at = r;
        }
    c->lost_place = NULL;
}

void sent_free_all(struct connection *c)
{
    while (c->sent) {
        struct sent *r = c->sent;

        c->sent = r->next;
        give(c, r);
    }
    c->sent_last = c->earliest = c->latest = NULL;
    c->taken_place = c->lost_place = NULL;
    c->out = c->lost = c->taken = 0;
}
