/* SPDX-License-Identifier: ISC */
/*
 * icmpv4: echo, and what went wrong with packets (RFC 792, RFC 1122, 3.2.2).
 *
 * Echo requests are answered, as many as come. Messages about others' packets
 * are limited (RFC 1812, 4.3.2.8): to at most 100 in a burst and 100 a second,
 * of which one destination gets at most 10; by chance it is less, so that the
 * limit does not tell one peer what others are sent.
 */
#ifndef MIRAGE_ICMPV4_H
#define MIRAGE_ICMPV4_H

#include <mirage/ipv4.h>
#include <mirage/time.h>

struct icmpv4;

/* From now on answers for ip. Keeps ip. ERR_NO_MEMORY. */
MUST_CHECK enum status icmpv4_connect(struct ipv4 *ip, struct icmpv4 **icmp);

/*
 * Sends an echo request with len bytes of data to a host, and waits for the
 * answer: *took is the time until it came. Blocks.
 *
 * ERR_TIMEOUT: none came before the deadline. ERR_UNREACHABLE: there is no
 * way. ERR_CORRUPT: other data came back. ERR_RANGE: len is above UDP_MOST.
 * ERR_IN_USE: 16 wait already. ERR_NO_MEMORY, ERR_CANCELLED.
 */
MUST_CHECK enum status icmpv4_ping(struct icmpv4 *icmp, struct ip_address to,
                                   size_t len, nanoseconds deadline,
                                   nanoseconds *took);

/* Frees icmp. No fiber may be in icmpv4_ping. */
void icmpv4_disconnect(struct icmpv4 *icmp);

#endif
