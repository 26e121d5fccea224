/* SPDX-License-Identifier: ISC */
/*
 * shared_ring: the memory barriers that Xen's rings of requests and responses
 * (xen/io/ring.h) need, and the granted pages of a ring.
 */
#ifndef XEN_SHARED_RING_H
#define XEN_SHARED_RING_H

#define xen_mb()  __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define xen_rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define xen_wmb() __atomic_thread_fence(__ATOMIC_RELEASE)

#include <mirage/status.h>
#include <stdint.h>
#include <string.h>
#include <xen/xen.h>
#include <xen/io/ring.h>

#define RING_PAGES 4 /* the most that a ring can have */

struct ring_pages {
    void *pages; /* NULL: there are none */
    unsigned count;
    uint32_t grant[RING_PAGES]; /* 0: ended */
};

/* Allocates count zeroed pages in one piece, and grants them to domain.
 * ERR_NO_MEMORY: no pages or no grants; r->pages is NULL, or ring_free must be
 * called. */
MUST_CHECK enum status ring_alloc(struct ring_pages *r, uint16_t domain,
                                  unsigned count);

/*
 * Ends the grants, and frees the pages when all are ended. Returns how many the
 * other domain still uses. If there are any, the ring keeps all its pages, and
 * this must be called again. Does nothing for a ring without pages.
 */
unsigned ring_free(struct ring_pages *r);

#endif
