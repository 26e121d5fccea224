/* SPDX-License-Identifier: ISC */
/* block_ring: requests and responses of a disk. */
#ifndef XEN_BLOCK_RING_H
#define XEN_BLOCK_RING_H

#include "blkfront.h"

/* Whether the disk is connected and its ring has room for a request. */
bool block_ring_has_slot(const struct disk *d);

/* Puts a request, or its next part, into the ring, which has a slot. Completes
 * it at once where the backend has no such operation. */
void block_ring_submit(struct disk *d, struct request *r);

/* Submits waiting requests while there are slots. */
void block_ring_submit_waiting(struct disk *d);

/* Handles the responses in the ring. front: the disk's. */
void block_ring_on_event(void *front);

#endif
