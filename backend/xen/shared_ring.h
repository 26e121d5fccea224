/* SPDX-License-Identifier: ISC */
/*
 * shared_ring: Xen's rings of requests and responses (xen/io/ring.h), the order
 * in which both ends see what the other writes, and the pages in which they
 * lie.
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

#define RING_PAGES 4 /* of a ring, at most */

struct ring_pages {
    void *pages; /* NULL: there are none */
    unsigned count;
    uint32_t grant[RING_PAGES]; /* 0: taken back already */
};

/* count zeroed pages that domain may write to. ERR_NO_MEMORY: none. */
MUST_CHECK enum status ring_alloc(struct ring_pages *r, uint16_t domain,
                                  unsigned count);

/*
 * Takes the pages back, if there are any, and frees them together. Returns how
 * many of them the other domain still uses; as long as there are some the ring
 * keeps all its pages, and this is to be called again.
 */
unsigned ring_free(struct ring_pages *r);

#endif
