/* SPDX-License-Identifier: ISC */
/*
 * disk: a virtio disk on the fake device (virtio 1.2, 5.2), which does requests
 * one by one, or late and in any order. It checks what the driver asks, and
 * ends the test program when that breaks the specification.
 */
#ifndef VIRTIO_FAKE_DISK_H
#define VIRTIO_FAKE_DISK_H

#include "fake.h"
#include <linux/virtio_blk.h>
#include <mirage/block.h>
#include <mirage/time.h>

struct fake_disk {
    struct fake *fake;
    struct block *store;
    struct virtio_blk_config config; /* fake_disk_announce publishes it */
    char serial[VIRTIO_BLK_ID_BYTES + 1];
    nanoseconds latency; /* at most; 0: at once */
    bool holds; /* takes requests, and does not do them */
    unsigned in_flight, most_in_flight, most_pieces, most_bytes;
    unsigned reads, writes, flushes, discards;
    unsigned beyond; /* requests beyond the capacity */

    /* How it lies: */
    int status; /* in place of each read's; -1: the true one */
    bool has_no_status;
    int written; /* -1: the true length */
    unsigned asks_resets; /* this many times, at a request */
};

/* Makes a disk of zeros. Lives as long as the program. */
struct fake_disk *fake_disk_new(uint64_t features, bool is_legacy,
                                uint32_t units, uint32_t sector_size);

/* Frees all disks, which no device uses any more. */
void fake_disks_free(void);

/* Publishes the configuration. */
void fake_disk_announce(struct fake_disk *d);

#endif
