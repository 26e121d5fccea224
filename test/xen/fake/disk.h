/* SPDX-License-Identifier: ISC */
/*
 * disk: a disk of dom0's, served as by Linux's xen-blkback. A request that the
 * protocol forbids fails the test.
 */
#ifndef XEN_FAKE_DISK_H
#define XEN_FAKE_DISK_H

#include "backend.h"
#include <mirage/block.h>
#include <xen/shared_ring.h>
#include <xen/io/blkif.h>

#define DISK_REQUESTS 128

struct disk_request {
    blkif_request_t ring; /* whichever kind */
    unsigned segments;
    struct blkif_request_segment segment[256];
    nanoseconds due;
    bool is_there;
};

struct fake_disk {
    struct backend backend;

    /* Set before disk_add, or zero. */
    struct block *store; /* what it is kept on; it must not block */
    nanoseconds takes, and_up_to; /* a request, by chance */
    bool keeps_pages; /* mapped: feature-persistent */
    uint64_t seed;

    /* Before a request is done; true: it is answered with *status instead. */
    bool (*asked)(struct fake_disk *d, unsigned operation, uint64_t at,
                  int16_t *status);

    unsigned reads, writes, flushes, barriers, most_at_once, most_segments;
    unsigned discards;
    uint64_t discarded; /* sectors, of all of them */

    blkif_back_ring_t ring;
    unsigned pages;
    uint32_t page[RING_PAGES];
    bool is_kept[4096]; /* grants, mapped for good */
    struct disk_request request[DISK_REQUESTS];
    unsigned at_once;
};

/* offers: as struct backend has it, with sectors and sector-size. */
void disk_add(struct fake_disk *d, unsigned number, const char *offers);

#endif
