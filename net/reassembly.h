/* SPDX-License-Identifier: ISC */
/*
 * reassembly: reassembles datagrams from IPv4 fragments (RFC 791, 3.2; RFC
 * 815).
 *
 * The number of incomplete datagrams is limited, in all and by sender, and so
 * are fragments; the oldest datagram is dropped first. Fragments never use the
 * last quarter of the pages. A datagram with overlapping fragments is dropped
 * (as RFC 5722 requires for IPv6): no legitimate sender creates overlaps, and
 * implementations disagree on their meaning. An exact duplicate is ignored.
 */
#ifndef NET_REASSEMBLY_H
#define NET_REASSEMBLY_H

#include "wheel.h"
#include <mirage/ipv4.h>

#define REASSEMBLY_DATAGRAMS 64 /* at once, */
#define REASSEMBLY_OF_ONE    16 /* and of one sender */
#define REASSEMBLY_FRAGMENTS 128 /* of a datagram: one of 65,535 bytes at an
                                    MTU of 576 has 119 */
#define REASSEMBLY_PIECES    1024 /* fragments in all datagrams */
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

/* A datagram of which the first fragment was received has timed out. start, the
 * beginning of its payload, is lent. */
typedef void reassembly_expired(void *ctx, const struct ipv4_packet *packet,
                                const struct buf *start);
struct reassembly;

/* Keeps w and ctx. NULL: no memory. */
struct reassembly *reassembly_new(struct wheel *w, reassembly_expired *expired,
                                  void *ctx);

/* Drops what is incomplete, without a word, and frees r. */
void reassembly_free(struct reassembly *r);

/*
 * Adds a fragment, and takes its payload. Returns the whole payload, yours,
 * when the datagram is complete, and else NULL. f->packet is then the header of
 * the first fragment (RFC 791, 3.2), with CE if any fragment had it (RFC
 * 3168, 5.3). Header and payload have at most 65,535 bytes together, as a
 * packet has. A datagram with fragments both ECN-capable and not is dropped: a
 * CE mark may have been lost.
 */
struct buf *reassembly_add(struct reassembly *r, struct fragment *f,
                           struct buf *payload);

const struct reassembly_counters *
reassembly_counters(const struct reassembly *r);

#endif
