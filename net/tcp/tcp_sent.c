/* SPDX-License-Identifier: ISC */
/*
 * The scoreboard of data in flight (RFC 6675). A record stands for a piece as
 * it was sent, up to 64 KiB. It is split when the peer has received a part of
 * it; adjacent records that are SACKed are merged.
 */
#include "tcp.h"

/*
 * Each connection has one record, and others come from a pool. When there is
 * none new data is not sent, and a SACK is ignored: that costs time, never
 * data. Records are split only between segments, so that a hostile peer cannot
 * create more records than there are segments by SACKs of single bytes.
 */

static bool has_record(const struct connection *c)
{
    return !c->sent.own_in_use || (c->sent.count < TCP_SENT_EACH &&
                                   c->tcp->sent_count < c->tcp->sent_limit);
}

bool sent_can_add(const struct connection *c)
{
    return has_record(c);
}

static struct sent_record *alloc_record(struct connection *c)
{
    struct tcpv4 *tcp = c->tcp;
    struct sent_record *r = tcp->sent_free;

    if (!has_record(c))
        return NULL;
    c->sent.count++;
    if (!c->sent.own_in_use) {
        c->sent.own_in_use = true;
        return &c->sent.own;
    }
    if (r)
        tcp->sent_free = r->next;
    else
        r = &tcp->sent_pool[tcp->sent_used++];
    tcp->sent_count++;
    return r;
}

static void free_record(struct connection *c, struct sent_record *r)
{
    struct tcpv4 *tcp = c->tcp;

    c->sent.count--;
    if (r == &c->sent.own) {
        c->sent.own_in_use = false;
        return;
    }
    r->next = tcp->sent_free;
    tcp->sent_free = r;
    tcp->sent_count--;
}

static void link_by_time(struct connection *c, struct sent_record *r,
                         struct sent_record *before)
{
    r->earlier = before;
    r->later = before ? before->later : c->sent.earliest;
    *(r->earlier ? &r->earlier->later : &c->sent.earliest) = r;
    *(r->later ? &r->later->earlier : &c->sent.latest) = r;
}

static void unlink_by_time(struct connection *c, const struct sent_record *r)
{
    *(r->earlier ? &r->earlier->later : &c->sent.earliest) = r->later;
    *(r->later ? &r->later->earlier : &c->sent.latest) = r->earlier;
}

static uint32_t *bytes_in_state(struct connection *c, uint8_t state)
{
    return state == SENT_IN_FLIGHT ? &c->sent.in_flight
           : state == SENT_LOST    ? &c->sent.lost
                                   : &c->sent.sacked;
}

void sent_set_state(struct connection *c, struct sent_record *r,
                    enum sent_state state)
{
    uint32_t len = r->end - r->seq;

    *bytes_in_state(c, r->state) -= len;
    *bytes_in_state(c, state) += len;
    if (r->state == SENT_IN_FLIGHT)
        unlink_by_time(c, r);
    if (state == SENT_IN_FLIGHT)
        link_by_time(c, r, c->sent.latest);
    r->state = (uint8_t)state;
    if (state == SENT_LOST && r->is_probe)
        path_on_probe_lost(c, r);
    if (state == SENT_LOST &&
        (!c->sent.lost_hint || seq_before(r->seq, c->sent.lost_hint->seq)))
        c->sent.lost_hint = r;
}

struct sent_record *sent_first_lost(struct connection *c)
{
    while (c->sent.lost_hint && c->sent.lost_hint->state != SENT_LOST)
        c->sent.lost_hint = c->sent.lost_hint->next;
    return c->sent.lost_hint;
}

void sent_add(struct connection *c, uint32_t end)
{
    struct sent_record *r = alloc_record(c);

    *r = (struct sent_record){.xmit_ts = time_now(),
                              .seq = c->snd.nxt,
                              .end = end,
                              .segment = c->mss};
    if (c->sent.first)
        c->sent.last->next = r;
    else
        c->sent.first = r;
    c->sent.last = r;
    c->sent.in_flight += end - r->seq;
    link_by_time(c, r, c->sent.latest);
    c->snd.nxt = end;
}

void sent_note_retransmission(struct connection *c, struct sent_record *r)
{
    r->xmit_ts = time_now();
    r->is_retransmitted = true;
    r->is_probe = false;
    r->segment = c->mss;
    sent_set_state(c, r, SENT_IN_FLIGHT);
}

bool sent_split(struct connection *c, struct sent_record *r, uint32_t at)
{
    struct sent_record *rest = alloc_record(c);

    if (!rest)
        return false;
    *rest = *r;
    rest->seq = r->end = at;
    r->next = rest;
    if (c->sent.last == r)
        c->sent.last = rest;
    if (rest->state == SENT_IN_FLIGHT)
        link_by_time(c, rest, r);
    return true;
}

void sent_merge_next(struct connection *c, struct sent_record *r)
{
    struct sent_record *next = r->next;

    r->end = next->end;
    r->next = next->next;
    r->is_retransmitted |= next->is_retransmitted;
    if (r->segment != next->segment)
        r->segment = c->mss;
    if (c->sent.last == next)
        c->sent.last = r;
    if (c->sent.sacked_hint == next)
        c->sent.sacked_hint = r;
    if (c->sent.lost_hint == next)
        c->sent.lost_hint = r;
    if (next->state == SENT_IN_FLIGHT)
        unlink_by_time(c, next);
    free_record(c, next);
}

void sent_remove_first(struct connection *c)
{
    struct sent_record *r = c->sent.first;

    *bytes_in_state(c, r->state) -= r->end - r->seq;
    if (r->state == SENT_IN_FLIGHT)
        unlink_by_time(c, r);
    if (c->sent.sacked_hint == r)
        c->sent.sacked_hint = NULL;
    if (c->sent.lost_hint == r)
        c->sent.lost_hint = r->next;
    c->sent.first = r->next;
    if (!c->sent.first)
        c->sent.last = NULL;
    free_record(c, r);
}

void sent_trim_first(struct connection *c, uint32_t seq)
{
    struct sent_record *r = c->sent.first;

    *bytes_in_state(c, r->state) -= seq - r->seq;
    r->seq = seq;
}

void sent_mark_all_lost(struct connection *c)
{
    for (struct sent_record *r = c->sent.first; r; r = r->next)
        if (r->state == SENT_IN_FLIGHT)
            sent_set_state(c, r, SENT_LOST);
}

void sent_forget_sacked(struct connection *c)
{
    for (struct sent_record *r = c->sent.first; r; r = r->next)
        if (r->state == SENT_SACKED)
            sent_set_state(c, r, SENT_LOST);
    c->sent.sacked_hint = NULL;
}

/* Moves r to its place by xmit_ts. Without retransmissions times rise with
 * sequence numbers, so that is near at, which was placed before. */
static void move_by_time(struct connection *c, struct sent_record *r,
                         struct sent_record *at)
{
    while (at && at->xmit_ts > r->xmit_ts)
        at = at->earlier;
    while ((at ? at->later : c->sent.earliest) &&
           (at ? at->later : c->sent.earliest)->xmit_ts <= r->xmit_ts)
        at = at ? at->later : c->sent.earliest;
    unlink_by_time(c, r);
    link_by_time(c, r, at == r ? r->earlier : at);
}

void sent_unmark_lost(struct connection *c)
{
    struct sent_record *at = NULL;

    for (struct sent_record *r = c->sent.first; r; r = r->next)
        if (r->state == SENT_LOST) {
            sent_set_state(c, r, SENT_IN_FLIGHT);
            move_by_time(c, r, at);
            at = r;
        }
    c->sent.lost_hint = NULL;
}

void sent_free_all(struct connection *c)
{
    while (c->sent.first) {
        struct sent_record *r = c->sent.first;

        c->sent.first = r->next;
        free_record(c, r);
    }
    c->sent.last = c->sent.earliest = c->sent.latest = NULL;
    c->sent.sacked_hint = c->sent.lost_hint = NULL;
    c->sent.in_flight = c->sent.lost = c->sent.sacked = 0;
}
