/* SPDX-License-Identifier: ISC */
/*
 * The out-of-order queue: data received beyond a hole in the sequence numbers
 * (RFC 9293, SHLD-31).
 */
#ifndef NET_TCP_OOO_H
#define NET_TCP_OOO_H

#include <stdbool.h>
#include <stdint.h>

#define TCP_OOO_RUNS 4096 /* in a stack, over all its connections */

struct buf;
struct connection;

/* Contiguous bytes beyond rcv.nxt. Runs neither overlap nor touch. */
struct ooo_run {
    struct ooo_run *next; /* by sequence number; or in the free list */
    uint32_t seq, end;
    struct buf *data, *last;
    unsigned bufs;
    uint32_t rank; /* random; the treap is a heap by it */
    uint32_t arrival; /* order in which runs last grew */
    struct ooo_run *left, *right;
};

struct ooo_queue {
    struct ooo_run *first, *last, *tree;
    unsigned count, bufs;
    uint32_t len; /* bytes of data */
};

/*
 * Adds data, len bytes from seq on, which begins beyond rcv.nxt; takes
 * ownership of it. Bytes that are already queued are dropped. False: the limits
 * do not allow it, and the segment was dropped.
 */
bool ooo_insert(struct connection *c, uint32_t seq, struct buf *data,
                uint32_t len);

/* The run that contains seq; NULL: none. */
const struct ooo_run *ooo_find(const struct connection *c, uint32_t seq);

/* Removes the data that begins at rcv.nxt, which the caller then owns, and
 * stores its length; NULL: the hole is not filled. */
struct buf *ooo_remove_next(struct connection *c, uint32_t *len);
void ooo_clear(struct connection *c);

#endif
