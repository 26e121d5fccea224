/* SPDX-License-Identifier: ISC */
/*
 * icmpv4: echo and error messages (RFC 792; RFC 1122, 3.2.2).
 *
 * Every echo request is answered. Error messages are limited (RFC 1812,
 * 4.3.2.8) to bursts of 100 and 100 a second, of which one destination gets at
 * most 10. The limits vary at random, so that a peer cannot find out by them
 * what others are sent (CVE-2020-25705).
 */
#ifndef MIRAGE_ICMPV4_H
#define MIRAGE_ICMPV4_H

#include <mirage/ipv4.h>
#include <mirage/time.h>

struct icmpv4;

/* Takes over the ICMP messages of ip. Keeps ip. ERR_NO_MEMORY. */
MUST_CHECK enum status icmpv4_connect(struct ipv4 *ip, struct icmpv4 **icmp);

/*
 * Sends an echo request with len bytes of data to a host, and waits for the
 * reply: *took is the round-trip time. Blocks.
 *
 * ERR_TIMEOUT: no reply before the deadline. ERR_UNREACHABLE: there is no
 * route, or an ICMP error says so. ERR_CORRUPT: the data of the reply differs.
 * ERR_RANGE: len is above UDP_MOST. ERR_IN_USE: 16 fibers wait already.
 * ERR_NO_MEMORY, ERR_CANCELLED.
 */
MUST_CHECK enum status icmpv4_ping(struct icmpv4 *icmp, struct ip_address to,
                                   size_t len, nanoseconds deadline,
                                   nanoseconds *took);

/* Frees icmp. No fiber may be in icmpv4_ping. */
void icmpv4_disconnect(struct icmpv4 *icmp);

#endif
