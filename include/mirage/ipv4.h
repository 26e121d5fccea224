/* SPDX-License-Identifier: ISC */
/*
 * ipv4: IPv4 packets (RFC 791, RFC 1122).
 *
 * A layer of the direct stack, which an application can use as well: over an
 * Ethernet with ARP, or over functions that carry packets.
 */
#ifndef MIRAGE_IPV4_H
#define MIRAGE_IPV4_H

#include <mirage/address.h>
#include <mirage/arp.h>
#include <mirage/buf.h>
#include <mirage/status.h>

struct ipv4;

#define IPV4_HEADER    20 /* bytes of the header that we send */
#define IPV4_HEADROOM  48 /* what a payload should have before it: room for our
                            header and the link's */
#define IPV4_MTU_LEAST 68 /* bytes (RFC 791, 3.2) */
#define PROTOCOL_ICMP  1
#define PROTOCOL_TCP   6
#define PROTOCOL_UDP   17

/* Values of the ECN field in `service` (RFC 3168, 5). */
#define IPV4_ECN 3 /* its bits */
#define IPV4_ECT 2 /* ECT(0) */
#define IPV4_CE  3 /* congestion experienced */

/* The header of a packet. */
struct ipv4_packet {
    struct ip_address from, to;
    uint8_t protocol, ttl, service; /* service: RFC 2474, 3168 */
    bool to_many; /* broadcast, or multicast */
    bool whole; /* DF: not to be fragmented */
    uint16_t id;
};

/* Called for a received packet. Takes payload, of 1 to 65,515 bytes (with the
 * header a packet has at most 65,535). In the driver's fiber: must not block.
 */
typedef void ipv4_handler(void *ctx, const struct ipv4_packet *packet,
                          struct buf *payload);

/*
 * Called when an ICMP error was received for a packet that we sent, with
 * packet's addresses and protocol (RFC 1122, 3.2.2). start is the first bytes
 * of its payload, at least 8, lent. ERR_REFUSED: port or protocol unreachable.
 * ERR_UNREACHABLE: no route to the host. ERR_RANGE: it was longer than mtu,
 * with DF. ERR_TIMEOUT: time exceeded. Any host may forge this.
 */
struct ipv4_error {
    enum status status;
    uint16_t mtu; /* with ERR_RANGE; 0: not told */
};
typedef void ipv4_error_handler(void *ctx, const struct ipv4_packet *packet,
                                const uint8_t *start, size_t len,
                                const struct ipv4_error *error);

/* Sends packet to next, a host on the link; to_many: to all or a group. Takes
 * packet. */
typedef void packet_sink(void *ctx, struct ip_address next, bool to_many,
                         struct buf *packet);

/* Over an Ethernet. Keeps arp. ERR_NO_MEMORY. */
MUST_CHECK enum status ipv4_connect(struct arp *arp, struct ipv4 **ip);

/*
 * Without an Ethernet: packets leave by out, and arrive by ipv4_input. A packet
 * may leave its checksum, and being cut into TCP segments, to out, as its
 * offload says (mirage/buf.h); into UDP datagrams only if features has
 * NETWORK_UDP_SEGMENTS. A link that is memory hands packets to ipv4_input with
 * offload.csum_good set. Starts a fiber for timers. Keeps ctx. ERR_NO_MEMORY.
 */
MUST_CHECK enum status ipv4_connect_to(packet_sink *out, void *ctx,
                                       uint16_t mtu, unsigned features,
                                       struct ipv4 **ip);

/* Processes a received packet; takes it. to_many: its frame was broadcast or
 * multicast. */
void ipv4_input(struct ipv4 *ip, bool to_many, struct buf *packet);

/*
 * Makes address our own, in a network of prefix bits. Packets to other networks
 * are sent to gateway (0.0.0.0: there is none). An address of 0.0.0.0: we have
 * none, and receive only UDP to port 68, a DHCP client's.
 */
void ipv4_set_address(struct ipv4 *ip, struct ip_address address,
                      unsigned prefix, struct ip_address gateway);

/*
 * Sets count routes besides the gateway, the default route, until the next call
 * of this or of ipv4_set_address. The longest matching prefix wins; our own
 * network is a route without a router, and wins over another of its length. Of
 * more than IPV4_ROUTES routes the first are kept.
 */
void ipv4_set_routes(struct ipv4 *ip, const struct ipv4_route *routes,
                     unsigned count);

/* Sets the MTU in bytes, at most the link's; less than IPV4_MTU_LEAST changes
 * nothing. */
void ipv4_set_mtu(struct ipv4 *ip, uint16_t mtu);
uint16_t ipv4_mtu(const struct ipv4 *ip);
unsigned ipv4_features(const struct ipv4 *ip);

struct ip_address ipv4_own(const struct ipv4 *ip);

/* Is there a route to that address? */
bool ipv4_reaches(const struct ipv4 *ip, struct ip_address to);

/* Is it the broadcast address of our link, or of our network? */
bool ipv4_is_broadcast(const struct ipv4 *ip, struct ip_address a);

/* Calls fn for the packets of a protocol, and failed, which may be NULL, for
 * errors about ours. Later ones replace the earlier; fn NULL: none. Keeps ctx.
 */
void ipv4_listen(struct ipv4 *ip, uint8_t protocol, ipv4_handler *fn,
                 ipv4_error_handler *failed, void *ctx);

/*
 * Sends payload, which should have IPV4_HEADROOM bytes of headroom, with the
 * header packet: from 0.0.0.0 stands for our own address, ttl 0 for 64; id is
 * not used. Takes payload. A packet longer than the MTU is fragmented, unless
 * offload.segment or whole is set.
 *
 * ERR_UNREACHABLE: there is no route to that address, or we have no address.
 * ERR_RANGE: too long. ERR_NO_MEMORY: the pool is empty.
 */
MUST_CHECK enum status ipv4_write(struct ipv4 *ip,
                                  const struct ipv4_packet *packet,
                                  struct buf *payload);

/* Sends an ICMP error about a received packet, if that is allowed (RFC 1122,
 * 3.2.2); by the function that icmpv4 has set. payload is lent. */
typedef void ipv4_refusal(void *ctx, const struct ipv4_packet *packet,
                          const struct buf *payload, uint8_t type,
                          uint8_t code);
void ipv4_on_refusal(struct ipv4 *ip, ipv4_refusal *fn, void *ctx);
void ipv4_refuse(struct ipv4 *ip, const struct ipv4_packet *packet,
                 const struct buf *payload, uint8_t type, uint8_t code);

/* Passes an ICMP error about a packet of ours to its protocol. For icmpv4. */
void ipv4_failed(struct ipv4 *ip, const struct ipv4_packet *packet,
                 const uint8_t *start, size_t len,
                 const struct ipv4_error *error);

/* Frees ip, whose layers above are disconnected. */
void ipv4_disconnect(struct ipv4 *ip);

/* Calls fn for each counter, with its name and value. */
void ipv4_counters(const struct ipv4 *ip,
                   void (*fn)(void *ctx, const char *name, uint64_t value),
                   void *ctx);

#endif
