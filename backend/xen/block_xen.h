/* SPDX-License-Identifier: ISC */
/* block_xen: a disk whose backend is another domain. block_xen.c has its
 * contract and its connection, block_ring.c its ring. */
#ifndef XEN_BLOCK_XEN_H
#define XEN_BLOCK_XEN_H

#include "front.h"
#include "grant_pool.h"
#include "shared_ring.h"
#include "vbd_name.h"
#include <mirage/block.h>
#include <mirage/buf.h>
#include <mirage/completion.h>
#include <mirage/fiber.h>
#include <mirage/macros.h>
#include <xen/io/blkif.h>

#define UNIT            512u /* bytes of a sector in the protocol */
#define DIRECT          BLKIF_MAX_SEGMENTS_PER_REQUEST
#define BLOCK_SLOTS     128u /* of a ring, at most */
#define BLOCK_OLD_RINGS 4u /* of earlier connections, that a backend may keep */

/* A flush is BLKIF_OP_FLUSH_DISKCACHE here, even where it becomes a barrier. */
struct request {
    struct request *next; /* that is left, too */
    uint8_t operation;
    uint64_t at, end; /* in units; end: of a discard */
    size_t len; /* bytes */
    size_t did, part; /* bytes that are done, and are in the ring */
    uint16_t first; /* of its pages; GRANT_POOL_END: it has none */
    uint16_t list; /* the page that names many; GRANT_POOL_END: it has none */
    struct completion completion;
};

struct disk {
    struct block block; /* first */
    struct block_ops ops;
    char name[VBD_NAME];
    struct front front;
    blkif_front_ring_t ring;
    struct ring_pages pages; /* of the ring */
    struct ring_pages old[BLOCK_OLD_RINGS];
    unsigned ring_order;
    struct request *slot[BLOCK_SLOTS];
    unsigned used;
    struct request *left; /* to be asked again, when there is a slot */
    bool is_gone;
    bool can_flush, can_barrier, can_discard;
    uint64_t granule, granule_at; /* what it can discard, in units */
    size_t most; /* bytes of a request in the ring */
    struct grant_pool pool; /* pages through which data goes */
    unsigned askers; /* that have pages of it */
    struct waiters room; /* in the ring, or the pool; or all is over */
};
static inline struct disk *disk_of_front(struct front *f)
{
    return containing(f, struct disk, front);
}

static inline size_t pages_of(size_t len)
{
    return (len + PAGE_BYTES - 1) / PAGE_BYTES;
}

static inline bool is_flush(const struct request *r)
{
    return r->operation == BLKIF_OP_FLUSH_DISKCACHE;
}

/* The disk is connected, and its ring has room for a request. */
bool block_ring_has_slot(const struct disk *d);

/* Puts a request, or its next part, into the ring; there is a slot. */
void block_ring_submit(struct disk *d, struct request *r);

/* Submits what waits for a slot: what a larger ring has left, and the next
 * parts of requests. */
void block_ring_submit_left(struct disk *d);

/* Takes the responses. front: the disk's. */
void block_ring_on_event(void *front);

#endif
