/* SPDX-License-Identifier: ISC */
/*
 * virtio_guest: the disk benchmark of virtio.plan, as both guests run it. A
 * client asks by TCP, in a line of four numbers,
 *
 *     WRITE BYTES DEPTH MILLISECONDS
 *
 * for requests of so many bytes, so many in flight, which write if WRITE is 1:
 * of DISK_SMALL bytes at random places, of others one after the other. The
 * guest answers with a line of two numbers: how many it has done, and in how
 * many nanoseconds.
 */
#ifndef BENCH_VIRTIO_GUEST_H
#define BENCH_VIRTIO_GUEST_H

#include <stdint.h>
#include <stdio.h>

#define DISK_PORT    99
#define DISK_SMALL   4096
#define DISK_LARGEST 131072 /* bytes of a request */
#define DISK_DEEPEST 32 /* requests in flight */
#define DISK_SEED    0x9e3779b97f4a7c15

struct disk_question {
    unsigned is_write, bytes, depth, milliseconds;
};

static inline int disk_parse(const char *line, struct disk_question *q)
{
    return sscanf(line, "%u %u %u %u", &q->is_write, &q->bytes, &q->depth,
                  &q->milliseconds) == 4 &&
           q->bytes >= DISK_SMALL && q->bytes <= DISK_LARGEST &&
           q->depth >= 1 && q->depth <= DISK_DEEPEST;
}

/* The place of the next request, in units of its bytes; below places. */
static inline uint64_t disk_place(uint64_t *seed, unsigned bytes,
                                  uint64_t places)
{
    if (bytes != DISK_SMALL)
        return (*seed)++ % places;
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed % places;
}

#endif
