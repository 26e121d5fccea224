/* SPDX-License-Identifier: ISC */
/*
 * reassembly: datagrams out of IPv4 fragments (RFC 791, 3.2).
 *
 * What waits for its rest is bounded: in datagrams, in fragments, and in those
 * of one sender; the oldest goes first. Fragments leave the last quarter of the
 * pages to others. A fragment that overlaps another ends
 * its datagram (as RFC 5722 has it for IPv6): nobody honest sends such, and
 * what it would say depends on who reads it. The same fragment once more is
 * no overlap.
 */
#ifndef NET_REASSEMBLY_H
#define NET_REASSEMBLY_H

#include "wheel.h"
#include <mirage/ipv4.h>

#define REASSEMBLY_DATAGRAMS 64   /* at once, */
#define REASSEMBLY_OF_ONE    16   /* of one sender */
#define REASSEMBLY_FRAGMENTS 128  /* of a datagram: one of 65,535 bytes at an
                                    MTU of 576 has 119 */
#define REASSEMBLY_PIECES    1024 /* fragments that are held, in all */
#define REASSEMBLY_TIME      (30 * SECOND)

struct fragment {
    struct ipv4_packet packet;
    unsigned           offset; /* bytes */
    bool               more;   /* follow it */
};

struct reassembly_counters {
    uint64_t fragments, datagrams, overlaps, timeouts, overflows;
};

/* Keeps w. Its time is over: expired is told of a datagram of which the first
 * fragment had come, start being lent. */
typedef void reassembly_expired(void *ctx, const struct ipv4_packet *packet,
                                const struct buf *start);
struct reassembly;
struct reassembly *reassembly_new(struct wheel *w, reassembly_expired *expired,
                                  void *ctx); /* NULL: no memory */

/* Adds a fragment, whose payload it takes. The whole payload, yours, if that
 * was the last that was missing; or NULL. */
struct buf *reassembly_add(struct reassembly *r, const struct fragment *f,
                           struct buf *payload);

const struct reassembly_counters *
reassembly_counters(const struct reassembly *r);

#endif
