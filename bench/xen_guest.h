/* SPDX-License-Identifier: ISC */
/* xen_guest: the disk benchmark that both guests of xen.plan run. */
#ifndef BENCH_XEN_GUEST_H
#define BENCH_XEN_GUEST_H

#include <stdint.h>

#define XEN_BYTES   4096 /* of a request */
#define XEN_SECONDS 1 /* how long each kind is measured */
#define XEN_PAUSE   1 /* seconds before, until xl is idle */
#define XEN_SEED    0x9e3779b97f4a7c15

/* A random number below places. */
static inline uint64_t xen_place(uint64_t *seed, uint64_t places)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed % places;
}

#endif
