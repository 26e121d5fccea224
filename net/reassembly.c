/* SPDX-License-Identifier: ISC */
/*
 * A datagram is an array of its fragments, sorted by where they begin. Each
 * fragment holds a page, however few its bytes, so that fragments are counted
 * and not bytes; what is too much is dropped with its datagram.
 */
#include "reassembly.h"
#include <stdlib.h>
#include <string.h>

#define MOST 65535 /* bytes of a packet, its header included */

struct piece {
    unsigned from, to; /* bytes of the datagram */
    struct buf *data;
};

struct datagram {
    struct reassembly *all;
    bool used;
    struct ipv4_packet packet; /* of the first fragment, if it has come */
    unsigned header; /* bytes, of that fragment */
    unsigned ecn; /* of all fragments: 1 << codepoint */
    unsigned total; /* bytes; 0: not known yet */
    unsigned have; /* bytes */
    nanoseconds since;
    unsigned count;
    struct piece piece[REASSEMBLY_FRAGMENTS];
    struct wheel_timer timer;
};

struct reassembly {
    struct wheel *wheel;
    reassembly_expired *expired;
    void *ctx;
    unsigned held; /* fragments */
    struct reassembly_counters counters;
    struct datagram datagram[REASSEMBLY_DATAGRAMS];
};

static void drop(struct datagram *d)
{
    for (unsigned i = 0; i < d->count; i++)
        buf_free(d->piece[i].data);
    d->all->held -= d->count;
    wheel_clear(d->all->wheel, &d->timer);
    d->used = false;
}

static void expire(void *ctx)
{
    struct datagram *d = ctx;

    d->all->counters.timeouts++;
    if (d->count > 0 && d->piece[0].from == 0)
        d->all->expired(d->all->ctx, &d->packet, d->piece[0].data);
    drop(d);
}

struct reassembly *reassembly_new(struct wheel *w,
                                  reassembly_expired *expired, void *ctx)
{
    struct reassembly *r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    r->wheel = w;
    r->expired = expired;
    r->ctx = ctx;
    return r;
}

static bool belongs(const struct datagram *d, const struct ipv4_packet *p)
{
    return d->used && d->packet.id == p->id &&
           d->packet.protocol == p->protocol &&
           ip_equal(d->packet.from, p->from) && ip_equal(d->packet.to, p->to);
}

/* A place for a new datagram, at the cost of the oldest of its sender, or of
 * all, where there are too many. */
static struct datagram *take_place(struct reassembly *r,
                                   const struct ipv4_packet *p)
{
    struct datagram *oldest = NULL, *of_one = NULL, *place = NULL;
    unsigned count = 0;

    for (size_t i = 0; i < REASSEMBLY_DATAGRAMS; i++) {
        struct datagram *d = &r->datagram[i];

        if (!d->used) {
            place = d;
            continue;
        }
        if (!oldest || d->since < oldest->since)
            oldest = d;
        if (!ip_equal(d->packet.from, p->from))
            continue;
        count++;
        if (!of_one || d->since < of_one->since)
            of_one = d;
    }
    if (count >= REASSEMBLY_OF_ONE || !place) {
        place = count >= REASSEMBLY_OF_ONE ? of_one : oldest;
        r->counters.overflows++;
        drop(place);
    }
    return place;
}

static struct datagram *datagram_of(struct reassembly *r,
                                    const struct ipv4_packet *p)
{
    struct datagram *d;

    for (size_t i = 0; i < REASSEMBLY_DATAGRAMS; i++)
        if (belongs(&r->datagram[i], p))
            return &r->datagram[i];
    d = take_place(r, p);
    memset(d, 0, sizeof *d);
    d->all = r;
    d->used = true;
    d->packet = *p;
    d->since = time_now();
    d->timer.ring = expire;
    d->timer.ctx = d;
    wheel_set(r->wheel, &d->timer, time_after(REASSEMBLY_TIME));
    return d;
}

/* Where a piece belongs; or count + 1 if it is there already, count + 2 if it
 * overlaps one. */
static unsigned place_of(const struct datagram *d, unsigned from, unsigned to)
{
    unsigned at = 0, end = d->count;

    if (end > 0 && d->piece[end - 1].from < from) /* in order, as a rule */
        at = end;
    while (at < end) {
        unsigned middle = (at + end) / 2;

        if (d->piece[middle].from < from)
            at = middle + 1;
        else
            end = middle;
    }
    if (at < d->count && d->piece[at].from == from && d->piece[at].to == to)
        return d->count + 1;
    if ((at > 0 && d->piece[at - 1].to > from) ||
        (at < d->count && d->piece[at].from < to))
        return d->count + 2;
    return at;
}

/* The bufs of all pieces in one list. */
static struct buf *join(struct datagram *d)
{
    struct buf *whole = d->piece[0].data;

    for (unsigned i = 1; i < d->count; i++)
        buf_last(d->piece[i - 1].data)->next = d->piece[i].data;
    d->all->held -= d->count;
    d->count = 0;
    drop(d);
    return whole;
}

static struct buf *end(struct datagram *d, uint64_t *counter,
                       struct buf *payload)
{
    ++*counter;
    buf_free(payload);
    drop(d);
    return NULL;
}

/* Fragments that are not ECN-capable among others that are: somebody on the way
 * changes the bits, and a CE mark may have been lost. */
static bool is_mixed(unsigned ecn)
{
    return (ecn & 1) != 0 && (ecn & ~1u) != 0;
}

struct buf *reassembly_add(struct reassembly *r, struct fragment *f,
                           struct buf *payload)
{
    unsigned from = f->offset, at;
    unsigned to = from + (unsigned)buf_length(payload);
    struct datagram *d;

    r->counters.fragments++;
    /* All but the last are of whole eights, and all have something. */
    if (to == from || (f->more && to % 8 != 0) || f->header + to > MOST) {
        buf_free(payload);
        return NULL;
    }
    payload->offload = (struct offload){0};
    d = datagram_of(r, &f->packet);
    at = place_of(d, from, to);
    if (at == d->count + 1) {
        buf_free(payload);
        return NULL;
    }
    if (at == d->count + 2 || (d->total && to > d->total) ||
        (!f->more && ((d->total && d->total != to) ||
                      (d->count > 0 && d->piece[d->count - 1].to > to))))
        return end(d, &r->counters.overlaps, payload);
    if (d->count == REASSEMBLY_FRAGMENTS || r->held == REASSEMBLY_PIECES ||
        buf_pages_free() < buf_pages() / 4)
        return end(d, &r->counters.overflows, payload);
    d->ecn |= 1u << (f->packet.service & IPV4_ECN);
    if (is_mixed(d->ecn))
        return end(d, &r->counters.mixed, payload);
    if (!f->more)
        d->total = to;
    if (from == 0) {
        d->packet = f->packet;
        d->header = f->header;
    }
    memmove(&d->piece[at + 1], &d->piece[at],
            (d->count - at) * sizeof d->piece[0]);
    d->piece[at] = (struct piece){from, to, payload};
    d->count++;
    r->held++;
    d->have += to - from;
    if (!d->total || d->have < d->total)
        return NULL;
    /* Only the first fragment has all options. */
    if (d->header + d->total > MOST)
        return end(d, &r->counters.overflows, NULL);
    r->counters.datagrams++;
    if (d->ecn & 1u << IPV4_CE)
        d->packet.service |= IPV4_CE;
    f->packet = d->packet;
    return join(d);
}

const struct reassembly_counters *
reassembly_counters(const struct reassembly *r)
{
    return &r->counters;
}
