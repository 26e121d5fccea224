/* SPDX-License-Identifier: ISC */
/*
 * A datagram has an array of its fragments, sorted by offset. Limits count
 * fragments and not bytes, since each uses a page. A datagram that exceeds a
 * limit is dropped.
 */
#include "reassembly.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define MOST 65535 /* bytes of a packet, its header included */

/* Of find_index. */
#define DUPLICATE UINT_MAX
#define OVERLAP   (UINT_MAX - 1)

struct piece {
    unsigned from, to; /* bytes of the datagram */
    struct buf *data;
};

struct datagram {
    struct reassembly *all;
    bool used;
    struct ipv4_packet packet; /* of the first fragment, once it is received */
    unsigned header; /* bytes, of that fragment */
    unsigned ecn; /* codepoints of all fragments, as bits */
    unsigned total; /* bytes; 0: not known yet */
    unsigned have; /* bytes received */
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

/* Allocates a datagram. Drops the oldest of the sender, or of all, when there
 * are too many. */
static struct datagram *alloc_datagram(struct reassembly *r,
                                       const struct ipv4_packet *p)
{
    struct datagram *oldest = NULL, *of_one = NULL, *slot = NULL;
    unsigned count = 0;

    for (size_t i = 0; i < REASSEMBLY_DATAGRAMS; i++) {
        struct datagram *d = &r->datagram[i];

        if (!d->used) {
            slot = d;
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
    if (count >= REASSEMBLY_OF_ONE || !slot) {
        slot = count >= REASSEMBLY_OF_ONE ? of_one : oldest;
        r->counters.overflows++;
        drop(slot);
    }
    return slot;
}

static struct datagram *find_or_alloc(struct reassembly *r,
                                      const struct ipv4_packet *p)
{
    struct datagram *d;

    for (size_t i = 0; i < REASSEMBLY_DATAGRAMS; i++)
        if (belongs(&r->datagram[i], p))
            return &r->datagram[i];
    d = alloc_datagram(r, p);
    memset(d, 0, sizeof *d);
    d->all = r;
    d->used = true;
    d->packet = *p;
    d->since = time_now();
    d->timer.expired = expire;
    d->timer.ctx = d;
    wheel_set(r->wheel, &d->timer, time_after(REASSEMBLY_TIME));
    return d;
}

/* The index at which to insert [from, to). DUPLICATE: it was received before;
 * OVERLAP: it overlaps another piece. */
static unsigned find_index(const struct datagram *d, unsigned from, unsigned to)
{
    unsigned at = 0, end = d->count;

    if (end > 0 && d->piece[end - 1].from < from) /* usually in order */
        at = end;
    while (at < end) {
        unsigned middle = (at + end) / 2;

        if (d->piece[middle].from < from)
            at = middle + 1;
        else
            end = middle;
    }
    if (at < d->count && d->piece[at].from == from && d->piece[at].to == to)
        return DUPLICATE;
    if ((at > 0 && d->piece[at - 1].to > from) ||
        (at < d->count && d->piece[at].from < to))
        return OVERLAP;
    return at;
}

/* Joins the bufs of all pieces, and frees the datagram. */
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

/* Drops the datagram, and counts why. */
static struct buf *drop_counted(struct datagram *d, uint64_t *counter,
                                struct buf *payload)
{
    ++*counter;
    buf_free(payload);
    drop(d);
    return NULL;
}

/* Are some fragments ECN-capable and others not? Then a router changes the
 * bits, and a CE mark may have been lost. */
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
    /* All but the last have a multiple of eight bytes, and none is empty. */
    if (to == from || (f->more && to % 8 != 0) || f->header + to > MOST) {
        buf_free(payload);
        return NULL;
    }
    payload->offload = (struct offload){0};
    d = find_or_alloc(r, &f->packet);
    at = find_index(d, from, to);
    if (at == DUPLICATE) {
        buf_free(payload);
        return NULL;
    }
    if (at == OVERLAP || (d->total && to > d->total) ||
        (!f->more && ((d->total && d->total != to) ||
                      (d->count > 0 && d->piece[d->count - 1].to > to))))
        return drop_counted(d, &r->counters.overlaps, payload);
    if (d->count == REASSEMBLY_FRAGMENTS || r->held == REASSEMBLY_PIECES ||
        buf_pages_free() < buf_pages() / 4)
        return drop_counted(d, &r->counters.overflows, payload);
    d->ecn |= 1u << (f->packet.service & IPV4_ECN);
    if (is_mixed(d->ecn))
        return drop_counted(d, &r->counters.mixed, payload);
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
    /* Only the first fragment has all options, which may be longer. */
    if (d->header + d->total > MOST)
        return drop_counted(d, &r->counters.overflows, NULL);
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

void reassembly_free(struct reassembly *r)
{
    for (size_t i = 0; i < REASSEMBLY_DATAGRAMS; i++)
        if (r->datagram[i].used)
            drop(&r->datagram[i]);
    free(r);
}
