/* SPDX-License-Identifier: ISC */
/*
 * blkfront: the state of a disk whose backend is in another domain
 * (xen/io/blkif.h).
 */
#ifndef XEN_BLKFRONT_H
#define XEN_BLKFRONT_H

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
#define BLOCK_SLOTS     128u /* the most of a ring */
#define BLOCK_OLD_RINGS 4u /* that the backend may keep mapped */

/* A request of a fiber, which may go into the ring in several parts. A flush is
 * BLKIF_OP_FLUSH_DISKCACHE here, even where the ring gets a barrier. */
struct request {
    struct request *next; /* of disk.waiting */
    uint8_t operation;
    uint64_t at, end; /* UNITs; end: of a discard */
    size_t len; /* bytes */
    size_t done, part; /* bytes that are done, and that are in the ring */
    uint16_t data; /* pages; or GRANT_POOL_END */
    uint16_t indirect; /* page of indirect segments; or GRANT_POOL_END */
    struct completion completion;
};

struct disk {
    struct block block;
    struct block_ops ops;
    char name[VBD_NAME];
    struct front front;
    blkif_front_ring_t ring;
    struct ring_pages pages; /* of the ring */
    struct ring_pages old[BLOCK_OLD_RINGS]; /* of earlier connections */
    unsigned ring_order;
    struct request *slot[BLOCK_SLOTS]; /* in the ring, by their ids */
    unsigned used; /* slots */
    struct request *waiting; /* for a slot: parts, and after reconnecting */
    bool is_gone;
    bool can_flush, can_barrier, can_discard;
    uint64_t granule, granule_at; /* of discards: size and start, UNITs */
    size_t most; /* bytes of one request in the ring */
    struct grant_pool pool; /* bounce buffers */
    unsigned users; /* fibers that have pages of the pool */
    struct waiters room; /* in the ring or the pool; or is_gone */
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

#endif
