/* SPDX-License-Identifier: ISC */
/*
 * arp: Ethernet addresses by IPv4 address (RFC 826).
 *
 * Defends our own address as RFC 5227 says.
 *
 * The cache has a fixed number of places. Hosts enter it that we asked for, and
 * hosts of our network that ask for us, as far as there are places out of use.
 * If a known host is said to have another Ethernet address, the old one is
 * asked; if it stays silent the new one is used, within a second. Log source
 * arp; of many lines of one kind most are only counted.
 */
#ifndef MIRAGE_ARP_H
#define MIRAGE_ARP_H

#include <mirage/address.h>
#include <mirage/buf.h>
#include <mirage/ethernet.h>
#include <mirage/status.h>

struct arp;

/* Somebody else uses our address ip, and goes on to. Must not block. */
typedef void arp_conflict(void *ctx, struct ip_address ip, struct mac other);

/* ip does not answer; packet was for it. Takes packet. Must not block. */
typedef void arp_silent(void *ctx, struct ip_address ip, struct buf *packet);

/* Keeps e. ERR_NO_MEMORY. */
MUST_CHECK enum status arp_connect(struct ethernet *e, struct arp **arp);

/*
 * Makes ip, of a network of prefix bits, our address (0.0.0.0: none is): we
 * answer for it, and announce it at once, and whenever the link comes up (RFC
 * 5227, 2.3).
 */
void arp_set_address(struct arp *arp, struct ip_address ip, unsigned prefix);

/*
 * Asks whether anybody uses ip (RFC 5227, 2.1.1; in less time, as the wait is
 * for people). Blocks for about half a second, after the link has come up.
 * ERR_IN_USE: another host has it. ERR_CANCELLED; ERR_TIMEOUT: the deadline.
 */
MUST_CHECK enum status arp_probe(struct arp *arp, struct ip_address ip,
                                 nanoseconds deadline);

/* Who is told; one each, the latest. Keep ctx. */
void arp_on_conflict(struct arp *arp, arp_conflict *fn, void *ctx);
void arp_on_silence(struct arp *arp, arp_silent *fn, void *ctx);

/*
 * Sends an IPv4 packet, whose header is in the first buf, to the host with the
 * address ip on this Ethernet; takes it. While the host is asked a few packets
 * wait for its answer. A host that gets packets for others, as a router, is not
 * forgotten to make room.
 */
void arp_write(struct arp *arp, struct ip_address ip, struct buf *packet);

/* Frees arp. No fiber may be in arp_probe; what is above is disconnected.
 * Blocks. */
void arp_disconnect(struct arp *arp);

/* Whether a packet waits until the host that it is for has answered. */
bool arp_is_waiting(const struct arp *arp);

struct ethernet *arp_ethernet(const struct arp *arp);

#endif
