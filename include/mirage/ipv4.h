/* SPDX-License-Identifier: ISC */
/*
 * ipv4: IPv4 packets (RFC 791, RFC 1122).
 *
 * A layer of the direct stack, for those who assemble one by hand too: over an
 * Ethernet with its ARP, or over functions that give and take packets.
 */
#ifndef MIRAGE_IPV4_H
#define MIRAGE_IPV4_H

#include <mirage/address.h>
#include <mirage/arp.h>
#include <mirage/buf.h>
#include <mirage/status.h>

struct ipv4;

#define IPV4_HEADER    20 /* bytes, without options, as we send it */
#define IPV4_HEADROOM  48 /* what a payload should have before it: room for our
                            header and the link's */
#define IPV4_MTU_LEAST 68 /* bytes (RFC 791, 3.2) */
#define PROTOCOL_ICMP  1
#define PROTOCOL_TCP   6
#define PROTOCOL_UDP   17

/* Of the service of a packet (RFC 3168, 5). */
#define IPV4_ECN 3 /* the bits */
#define IPV4_ECT 2 /* congestion may be marked, */
#define IPV4_CE  3 /* and was */

/* The header of a packet, understood. */
struct ipv4_packet {
    struct ip_address from, to;
    uint8_t protocol, ttl, service; /* service: RFC 2474, 3168 */
    bool to_many; /* broadcast, or multicast */
    bool whole; /* DF: not to be cut into
                                                 fragments */
    uint16_t id;
};

/* Takes payload, of 1 to 65,515 bytes: with its header a packet has at most
 * 65,535. In the driver's fiber: must not block. */
typedef void ipv4_handler(void *ctx, const struct ipv4_packet *packet,
                          struct buf *payload);

/*
 * A packet that we sent, of packet's addresses and protocol, has come to grief
 * (RFC 1122, 3.2.2): start is the first bytes of its payload, at least 8, lent.
 * ERR_REFUSED: nobody is at the port or for the protocol. ERR_UNREACHABLE: no
 * way to the host. ERR_RANGE: it was longer than mtu, and not to be cut.
 * ERR_TIMEOUT: it was too long on its way. Anybody may forge this.
 */
struct ipv4_error {
    enum status status;
    uint16_t mtu; /* with ERR_RANGE; 0: not told */
};
typedef void ipv4_error_handler(void *ctx, const struct ipv4_packet *packet,
                                const uint8_t *start, size_t len,
                                const struct ipv4_error *error);

/* Takes packet, which is for next, a host on the link. */
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

/* A packet has come; takes it. to_many: the link's frame was for many. */
void ipv4_input(struct ipv4 *ip, bool to_many, struct buf *packet);

/*
 * We are address from now on; its first prefix bits are those of all on the
 * link, what is elsewhere goes to gateway (0.0.0.0: nowhere). An address of
 * 0.0.0.0: we have none, and take only UDP to port 68, a DHCP client's.
 */
void ipv4_set_address(struct ipv4 *ip, struct ip_address address,
                      unsigned prefix, struct ip_address gateway);

/*
 * Routes besides the gateway, which is for what none of them is for; they last
 * until the next call of this or of ipv4_set_address. Of several the one with
 * the longest prefix counts; the network of our own address is like a route
 * without a router, and comes before another of its length. Of more than
 * IPV4_ROUTES the first are kept.
 */
void ipv4_set_routes(struct ipv4 *ip, const struct ipv4_route *routes,
                     unsigned count);

/* Sets the longest packet, in bytes: not more than the link's; less than
 * IPV4_MTU_LEAST changes nothing. */
void ipv4_set_mtu(struct ipv4 *ip, uint16_t mtu);
uint16_t ipv4_mtu(const struct ipv4 *ip);
unsigned ipv4_features(const struct ipv4 *ip);

struct ip_address ipv4_own(const struct ipv4 *ip);

/* Is there a way to that address? */
bool ipv4_reaches(const struct ipv4 *ip, struct ip_address to);

/* Is a the address of all on our link? */
bool ipv4_is_broadcast(const struct ipv4 *ip, struct ip_address a);

/* Gives fn the packets of a protocol, and failed what became of ours; failed
 * may be NULL. Later ones replace the earlier. Keeps ctx. */
void ipv4_listen(struct ipv4 *ip, uint8_t protocol, ipv4_handler *fn,
                 ipv4_error_handler *failed, void *ctx);

/*
 * Sends payload, which should have IPV4_HEADROOM, as packet says: with from
 * 0.0.0.0 our own address, with ttl 0 ours of 64; id does not matter. Takes
 * payload. What is longer than the MTU, and is no list of segments to be, is
 * cut into fragments unless it is to stay whole.
 *
 * ERR_UNREACHABLE: there is no way to that address, or none of ours.
 * ERR_RANGE: too long. ERR_NO_MEMORY: the pool is empty.
 */
MUST_CHECK enum status ipv4_write(struct ipv4 *ip,
                                  const struct ipv4_packet *packet,
                                  struct buf *payload);

/* packet cannot be taken: tells its sender so, by ICMP, if that may be. Set
 * by icmpv4. payload is lent. */
typedef void ipv4_refusal(void *ctx, const struct ipv4_packet *packet,
                          const struct buf *payload, uint8_t type,
                          uint8_t code);
void ipv4_on_refusal(struct ipv4 *ip, ipv4_refusal *fn, void *ctx);
void ipv4_refuse(struct ipv4 *ip, const struct ipv4_packet *packet,
                 const struct buf *payload, uint8_t type, uint8_t code);

/* One of ours came to grief: tells its protocol. For icmpv4. */
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
