/* SPDX-License-Identifier: ISC */
/*
 * arp: Ethernet addresses by IPv4 address (RFC 826).
 *
 * Announces and defends our own address (RFC 5227). The cache has a fixed
 * number of entries. It has hosts that we sent requests for, and hosts of our
 * network that sent requests for us, while there are unused entries. If a
 * packet claims another Ethernet address for a host in the cache, the old
 * address is sent a request; without a reply the new one is used, within a
 * second. Logs as source arp; most of many lines of one kind are only counted.
 */
#ifndef MIRAGE_ARP_H
#define MIRAGE_ARP_H

#include <mirage/address.h>
#include <mirage/buf.h>
#include <mirage/ethernet.h>
#include <mirage/status.h>

struct arp;

/* Called when another host uses our address ip, and does not give it up. Must
 * not block. */
typedef void arp_conflict(void *ctx, struct ip_address ip, struct mac other);

/* Called for a packet to ip that is not sent, since ip does not reply. Takes
 * packet. Must not block. */
typedef void arp_silent(void *ctx, struct ip_address ip, struct buf *packet);

/* Takes over the ARP packets of e. Keeps e. ERR_NO_MEMORY. */
MUST_CHECK enum status arp_connect(struct ethernet *e, struct arp **arp);

/*
 * Makes ip, in a network of prefix bits, our address (0.0.0.0: we have none).
 * Requests for it are answered, and it is announced now and whenever the link
 * comes up (RFC 5227, 2.3).
 */
void arp_set_address(struct arp *arp, struct ip_address ip, unsigned prefix);

/*
 * Probes whether another host uses ip (RFC 5227, 2.1.1, with shorter waits,
 * since people wait for it). Blocks until the link is up, and then for about
 * half a second. ERR_IN_USE: another host has it. ERR_TIMEOUT: the deadline has
 * passed. ERR_CANCELLED.
 */
MUST_CHECK enum status arp_probe(struct arp *arp, struct ip_address ip,
                                 nanoseconds deadline);

/*
 * The two parts of arp_probe, for an address that is used between them.
 * arp_probe_start waits for the link, sends the first probe, and returns OK if
 * there was no reply within 20 ms; ERR_IN_USE, ERR_TIMEOUT and ERR_CANCELLED
 * end the probe. After OK the address may be set and used. Until the probes
 * have ended requests for it are answered, but nothing that is broadcast has it
 * as its sender. arp_probe_finish sends the other probes. OK: the address is
 * announced, if it is ours. Else, with the statuses of arp_probe, it is to be
 * given up; it is not defended. Another arp_probe_start takes the place of a
 * probe that was not finished. Both block.
 */
MUST_CHECK enum status arp_probe_start(struct arp *arp, struct ip_address ip,
                                       nanoseconds deadline);
MUST_CHECK enum status arp_probe_finish(struct arp *arp, nanoseconds deadline);

/* Set the handlers; NULL: none. One each, the latest. Keep ctx. */
void arp_on_conflict(struct arp *arp, arp_conflict *fn, void *ctx);
void arp_on_silence(struct arp *arp, arp_silent *fn, void *ctx);

/*
 * Sends an IPv4 packet, whose header is in the first buf, to the host at ip on
 * this Ethernet; takes it. A few packets are queued until the host has replied.
 * The entry of a host that packets to others are sent to, a router, is not
 * reused.
 */
void arp_write(struct arp *arp, struct ip_address ip, struct buf *packet);

/* Frees arp, whose layers above are disconnected. No fiber may be in arp_probe.
 * Blocks. */
void arp_disconnect(struct arp *arp);

/* Whether a packet is queued for a host that has not replied yet. */
bool arp_is_waiting(const struct arp *arp);

struct ethernet *arp_ethernet(const struct arp *arp);

#endif
