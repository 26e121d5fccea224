/* SPDX-License-Identifier: ISC */
/*
 * reassembly: datagrams out of IPv4 fragments (RFC 791, 3.2; RFC 815).
 *
 * Incomplete datagrams are bounded in number, in fragments, and by sender; the
 * oldest is dropped first. Fragments leave the last quarter of the pages to
 * others. An overlapping fragment ends its datagram (as RFC 5722 requires for
 * IPv6): no legitimate sender makes overlaps, and receivers read them
 * differently. An exact duplicate is no overlap.
 */
#ifndef NET_REASSEMBLY_H
#define NET_REASSEMBLY_H

#include "wheel.h"
#include <mirage/ipv4.h>

#define REASSEMBLY_DATAGRAMS 64 /* at once, */
#define REASSEMBLY_OF_ONE    16 /* of one sender */
#define REASSEMBLY_FRAGMENTS 128 /* of a datagram: one of 65,535 bytes at an
                                    MTU of 576 has 119 */
#define REASSEMBLY_PIECES    1024 /* fragments that are held, in all */
#define REASSEMBLY_TIME      (30 * SECOND)

struct fragment {
    struct ipv4_packet packet;
    unsigned header; /* bytes, options included */
    unsigned offset; /* bytes */
    bool more; /* fragments follow */
};

struct reassembly_counters {
    uint64_t fragments, datagrams, overlaps, timeouts, overflows, mixed;
};

/* Keeps w. Its time is over: expired is told of a datagram of which the first
 * fragment had come, start being lent. */
typedef void reassembly_expired(void *ctx, const struct ipv4_packet *packet,
                                const struct buf *start);
struct reassembly;
struct reassembly *reassembly_new(struct wheel *w, reassembly_expired *expired,
                                  void *ctx); /* NULL: no memory */

/*
 * Adds a fragment, whose payload it takes. Returns NULL, or, if that was the
 * last one missing, the whole payload, yours; f->packet is then the header of
 * the first fragment (RFC 791, 3.2), with CE if any fragment had it (RFC 3168,
 * 5.3). Header and payload are never longer than 65,535 bytes together, the
 * most that a packet can have. A datagram of which some fragments are ECN-
 * capable and others are not is dropped: its marks cannot be told.
 */
struct buf *reassembly_add(struct reassembly *r, struct fragment *f,
                           struct buf *payload);

const struct reassembly_counters *
reassembly_counters(const struct reassembly *r);

#endif
