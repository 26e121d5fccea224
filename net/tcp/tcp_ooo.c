/* SPDX-License-Identifier: ISC */
/*
 * The out-of-order queue: runs of contiguous bytes, each a list of bufs.
 */
#include "tcp.h"

/*
 * Runs are in a list by sequence number, and in a treap (Aragon and Seidel,
 * 1989) with random ranks, so that a hostile order of segments costs
 * logarithmic time; a segment after all others, the common case, takes one
 * step. Runs do not touch: each is a block of a SACK option.
 *
 * Small segments are copied into one page. Only a few pages with little data
 * are allowed: single bytes with holes between them would pin a page each.
 */

#define SMALL  512 /* copied into the page before */
#define SPARSE 16 /* bufs, however little data they hold */

/* Frees a run, but not its bufs. */
static void free_run(struct connection *c, struct ooo_run *h)
{
    c->ooo.count--;
    c->tcp->ooo_free_count++;
    h->next = c->tcp->ooo_free;
    c->tcp->ooo_free = h;
}

static void treap_insert(struct connection *c, struct ooo_run *h)
{
    struct ooo_run **at = &c->ooo.tree, *t, **below = &h->left,
                   **above = &h->right;

    while (*at && (*at)->rank >= h->rank) {
        at = seq_before(h->seq, (*at)->seq) ? &(*at)->left : &(*at)->right;
        c->tcp->counters.held_steps++;
    }
    for (t = *at; t; c->tcp->counters.held_steps++)
        if (seq_before(t->seq, h->seq)) {
            *below = t;
            below = &t->right;
            t = t->right;
        } else {
            *above = t;
            above = &t->left;
            t = t->left;
        }
    *below = *above = NULL;
    *at = h;
}

static void treap_remove(struct connection *c, const struct ooo_run *h)
{
    struct ooo_run **at = &c->ooo.tree, *a = h->left, *b = h->right;

    while (*at != h) {
        at = seq_before(h->seq, (*at)->seq) ? &(*at)->left : &(*at)->right;
        c->tcp->counters.held_steps++;
    }
    while (a && b) {
        c->tcp->counters.held_steps++;
        if (a->rank > b->rank) {
            *at = a;
            at = &a->right;
            a = a->right;
        } else {
            *at = b;
            at = &b->left;
            b = b->left;
        }
    }
    *at = a ? a : b;
}

/* The last run that begins at or before seq; NULL: none does. */
static struct ooo_run *run_before(const struct connection *c, uint32_t seq)
{
    struct ooo_run *found = NULL, *t = c->ooo.tree;

    c->tcp->counters.held_steps++;
    if (c->ooo.last && !seq_before(seq, c->ooo.last->seq))
        return c->ooo.last;
    while (t) {
        c->tcp->counters.held_steps++;
        if (seq_before(seq, t->seq)) {
            t = t->left;
        } else {
            found = t;
            t = t->right;
        }
    }
    return found;
}

/* Unlinks the run after before (NULL: the first). */
static struct ooo_run *unlink_run(struct connection *c, struct ooo_run *before)
{
    struct ooo_run **link = before ? &before->next : &c->ooo.first, *h = *link;

    treap_remove(c, h);
    *link = h->next;
    if (c->ooo.last == h)
        c->ooo.last = before;
    return h;
}

/* Appends data, count bufs that end in last, to a run; copies the first into
 * the page before if it is small. */
static void append_to_run(struct connection *c, struct ooo_run *h,
                          struct buf *data, struct buf *last, unsigned count)
{
    if (h->last && data->len <= SMALL && buf_is_sole(h->last) &&
        buf_tailroom(h->last) >= data->len) {
        struct buf *rest = data->next;

        buf_copy_out(data, 0, buf_append(h->last, data->len), data->len);
        data->next = NULL;
        buf_free(data);
        c->ooo.bufs--;
        h->bufs--;
        data = rest;
    }
    h->bufs += count;
    if (!data)
        return;
    if (h->last)
        h->last->next = data;
    else
        h->data = data;
    h->last = last;
}

static struct ooo_run *new_run(struct connection *c, struct ooo_run *before,
                               uint32_t seq)
{
    struct tcpv4 *tcp = c->tcp;
    struct ooo_run *h = tcp->ooo_free;
    struct ooo_run **link = before ? &before->next : &c->ooo.first;

    tcp->ooo_free = h->next;
    tcp->ooo_free_count--;
    tcp->ooo_random = tcp->ooo_random * 6364136223846793005u +
                      1442695040888963407u; /* (Knuth, MMIX) */
    *h = (struct ooo_run){.next = *link,
                          .seq = seq,
                          .end = seq,
                          .rank = (uint32_t)(tcp->ooo_random >> 32)};
    *link = h;
    if (!h->next)
        c->ooo.last = h;
    c->ooo.count++;
    treap_insert(c, h);
    return h;
}

/*
 * May the connection queue more bufs with len bytes? Dynamic thresholds
 * (Choudhury and Hahne, 1998): its share of runs, and of pages beyond a quarter
 * of all, is limited by what is free, so that one connection alone may have
 * much, and each of many has some.
 */
static bool has_room(const struct connection *c, unsigned bufs, uint32_t len)
{
    return c->ooo.count <= c->tcp->ooo_free_count / 8 &&
           c->tcp->ooo_free_count > 0 &&
           c->ooo.bufs + bufs <= SPARSE + (c->ooo.len + len) / SMALL &&
           c->ooo.bufs + bufs + buf_pages() / 4 <= buf_pages_free();
}

static void drop_run(struct connection *c, struct ooo_run *h)
{
    c->ooo.len -= h->end - h->seq;
    c->ooo.bufs -= h->bufs;
    buf_free(h->data);
    free_run(c, h);
}

bool ooo_insert(struct connection *c, uint32_t seq, struct buf *data,
                uint32_t len)
{
    struct ooo_run *before = run_before(c, seq), *h, *next;
    uint32_t end = seq + len, known;
    unsigned bufs;

    if (before && !seq_before(before->end, seq)) {
        known = before->end - seq;
        if (known >= len) {
            c->tcp->counters.duplicates_in++;
            sack_note_duplicate(c, seq, end);
            buf_free(data);
            return true;
        }
        if (known > 0)
            sack_note_duplicate(c, seq, before->end);
        data = buf_trim_list(data, known);
        seq += known;
    }
    bufs = (unsigned)buf_count(data);
    if (!has_room(c, bufs, end - seq)) { /* what is queued stays */
        c->tcp->counters.held_dropped++;
        buf_free(data);
        return false;
    }
    while ((next = before ? before->next : c->ooo.first) != NULL &&
           !seq_after(next->end, end)) { /* all of it is received again */
        sack_note_duplicate(c, next->seq, next->end);
        drop_run(c, unlink_run(c, before));
    }
    if (next && seq_before(next->seq, end)) {
        sack_note_duplicate(c, next->seq, end);
        end = next->seq;
        buf_cut(data, end - seq);
    }
    bufs = (unsigned)buf_count(data);
    c->tcp->counters.held++;
    data->offload = (struct offload){0};
    h = before && before->end == seq ? before : new_run(c, before, seq);
    c->ooo.len += end - seq;
    c->ooo.bufs += bufs;
    h->end = end;
    h->arrival = (uint32_t)c->tcp->counters.held;
    append_to_run(c, h, data, buf_last(data), bufs);
    if (next && next->seq == end) {
        next = unlink_run(c, h);
        h->end = next->end;
        append_to_run(c, h, next->data, next->last, next->bufs);
        free_run(c, next);
    }
    return true;
}

const struct ooo_run *ooo_find(const struct connection *c, uint32_t seq)
{
    const struct ooo_run *h = run_before(c, seq);

    return h && seq_before(seq, h->end) ? h : NULL;
}

struct buf *ooo_remove_next(struct connection *c, uint32_t *len)
{
    while (c->ooo.first && !seq_after(c->ooo.first->seq, c->rcv.nxt)) {
        struct ooo_run *h = unlink_run(c, NULL);
        uint32_t known = c->rcv.nxt - h->seq;
        struct buf *data = h->data;

        /* Data in order that overlap this run are a duplicate: RFC 2883. */
        if (known > 0) {
            bool is_all = !seq_after(h->end, c->rcv.nxt);

            sack_note_duplicate(c, h->seq, is_all ? h->end : c->rcv.nxt);
        }
        if (!seq_after(h->end, c->rcv.nxt)) {
            drop_run(c, h);
            continue;
        }
        *len = h->end - c->rcv.nxt;
        c->ooo.len -= h->end - h->seq;
        c->ooo.bufs -= h->bufs;
        free_run(c, h);
        return buf_trim_list(data, known);
    }
    return NULL;
}

void ooo_clear(struct connection *c)
{
    while (c->ooo.first) {
        struct ooo_run *h = c->ooo.first;

        c->ooo.first = h->next;
        drop_run(c, h);
    }
    c->ooo.last = c->ooo.tree = NULL;
    c->sack.count = 0;
}
