/* SPDX-License-Identifier: ISC */
/*
 * disk: a fake of Linux's xen-blkback. A request that the protocol forbids
 * fails the test.
 */
#ifndef XEN_FAKE_DISK_H
#define XEN_FAKE_DISK_H

#include "backend.h"
#include <mirage/block.h>
#include <xen/shared_ring.h>
#include <xen/io/blkif.h>

#define DISK_REQUESTS 128

struct disk_request {
    blkif_request_t ring; /* of any kind */
    unsigned segments;
    struct blkif_request_segment segment[256];
    nanoseconds due;
    bool is_there;
};

struct fake_disk {
    struct backend backend;

    /* Set before disk_add, or zero. */
    struct block *store; /* must not block */
    nanoseconds latency, latency_spread; /* the latter is random */
    bool keeps_pages; /* stay mapped: feature-persistent */
    uint64_t seed;

    /* Called before a request is executed. True: it ends with *status instead.
     */
    bool (*on_request)(struct fake_disk *d, unsigned operation, uint64_t at,
                       int16_t *status);

    unsigned reads, writes, flushes, barriers, most_in_flight, most_segments;
    unsigned discards;
    uint64_t discarded; /* sectors in all */

    blkif_back_ring_t ring;
    unsigned pages;
    uint32_t page[RING_PAGES];
    bool is_kept[4096]; /* grants that stay mapped */
    struct disk_request request[DISK_REQUESTS];
    unsigned in_flight;
};

/* offers: as in struct backend, with sectors and sector-size. */
void disk_add(struct fake_disk *d, unsigned number, const char *offers);

/* disk_add, with a store of that many sectors of 512 bytes if there is none
 * yet, and a driver of the image on the disk, by its name. Panics if that
 * fails. */
struct block *disk_connect(struct fake_disk *d, uint64_t sectors,
                           unsigned number, const char *name,
                           const char *offers);

#endif
