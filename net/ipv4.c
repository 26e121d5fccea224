/* SPDX-License-Identifier: ISC */
/*
 * IPv4 of a host, which does not forward (RFC 791; RFC 1122, 3.2 and 3.3):
 * delivery of received packets, sending, fragments, identities.
 */
#include "ipv4_header.h"
#include "ipv4_id.h"
#include "ipv4_route.h"
#include "ipv4_wheel.h"
#include "reassembly.h"
#include <mirage/bytes.h>
#include <mirage/checksum.h>
#include <mirage/ipv4.h>
#include <mirage/macros.h>
#include <mirage/network.h>
#include <stdlib.h>
#include <string.h>

#define ALL_HOSTS    0xe0000001 /* RFC 1112, 4 */
#define PROTOCOLS    4
#define BOOTP_SERVER 67 /* ports of UDP */
#define BOOTP_CLIENT 68

struct counters {
    uint64_t in, malformed, not_ours, martians, no_protocol;
    uint64_t out, no_route, fragmented;
};

struct ipv4 {
    packet_sink *out;
    void *out_ctx;
    struct wheel *wheel;
    struct wheel *own_wheel; /* NULL: it is another's */
    struct arp *arp; /* NULL: there is none */
    uint16_t link_mtu, mtu;
    unsigned features;
    struct ipv4_routing routing;
    struct ipv4_ids ids;
    struct reassembly *fragments;
    ipv4_refusal *refuse;
    void *refuse_ctx;
    struct counters counters;
    struct {
        uint8_t protocol;
        ipv4_handler *fn;
        ipv4_error_handler *failed;
        void *ctx;
    } listener[PROTOCOLS];
};

/* Passes the payload to the handler of its protocol. */
static void deliver(struct ipv4 *ip, const struct ipv4_packet *packet,
                    struct buf *payload)
{
    for (int i = 0; i < PROTOCOLS; i++)
        if (ip->listener[i].fn &&
            ip->listener[i].protocol == packet->protocol) {
            ip->listener[i].fn(ip->listener[i].ctx, packet, payload);
            return;
        }
    ip->counters.no_protocol++;
    ipv4_refuse(ip, packet, payload, 3, 2);
    buf_free(payload);
}

/* Is a received packet for this host? Sets to_many. Without an address of ours
 * unicast packets are accepted from a DHCP server, to the address that it
 * offers (RFC 2131, 4.1); is_wanted checks their port. */
static bool is_for_us(const struct ipv4 *ip, struct ipv4_packet *packet)
{
    uint32_t to = ipv4_number(packet->to), own = ip->routing.own;

    if (!own && packet->protocol != PROTOCOL_UDP)
        return false;
    if (ipv4_routing_is_broadcast(&ip->routing, to) || (own && to == ALL_HOSTS))
        packet->to_many = true;
    else if (own ? to != own : !ipv4_is_of_host(packet->to))
        return false;
    return true;
}

/* A host without an address receives only UDP for a DHCP client; and a sender
 * without an address reaches only DHCP clients and servers. */
static bool is_wanted(const struct ipv4 *ip, const struct ipv4_packet *packet,
                      const struct buf *payload)
{
    bool has_no_source = ipv4_number(packet->from) == 0;
    uint8_t ports[4];
    uint16_t to;

    if (ip->routing.own && !has_no_source)
        return true;
    if (packet->protocol != PROTOCOL_UDP || buf_length(payload) < sizeof ports)
        return false;
    buf_copy_out(payload, 0, ports, sizeof ports);
    to = get_be16(ports + 2);
    return to == BOOTP_CLIENT || (ip->routing.own && to == BOOTP_SERVER);
}

void ipv4_input(struct ipv4 *ip, bool to_many, struct buf *b)
{
    struct fragment f;
    size_t header, len, total = buf_length(b);

    ip->counters.in++;
    b = buf_pullup(b, min(total, (size_t)IPV4_HEADER_MAX));
    if (!b)
        return;
    header = total < IPV4_HEADER ? 0 : ipv4_parse(b->data, total, &f, &len);
    if (header == 0 ||
        (header > IPV4_HEADER &&
         ipv4_has_source_route(b->data + IPV4_HEADER, header - IPV4_HEADER))) {
        ip->counters.malformed++;
        buf_free(b);
        return;
    }
    /* A DHCP client without an address sends from 0.0.0.0 (RFC 2131, 4.1). */
    if (ipv4_routing_is_martian(&ip->routing, ipv4_number(f.packet.from)) &&
        (ipv4_number(f.packet.from) != 0 ||
         ipv4_number(f.packet.to) != 0xffffffff)) {
        ip->counters.martians++;
        buf_free(b);
        return;
    }
    f.packet.to_many = to_many;
    if (!is_for_us(ip, &f.packet)) {
        ip->counters.not_ours++;
        buf_free(b);
        return;
    }
    if (len < total)
        buf_cut(b, len);
    /* Every protocol above has a header. */
    if (len == header) {
        buf_free(b);
        return;
    }
    {
        struct offload offload = b->offload;

        b = buf_trim_list(b, header);
        b->offload = offload;
    }
    if (f.offset > 0 || f.more)
        b = reassembly_add(ip->fragments, &f, b);
    if (b && !is_wanted(ip, &f.packet, b)) {
        ip->counters.not_ours++;
        buf_free(b);
        return;
    }
    if (b)
        deliver(ip, &f.packet, b);
}

static void from_ethernet(void *ctx, struct mac from, bool to_many,
                          struct buf *packet)
{
    (void)from;
    ipv4_input(ctx, to_many, packet);
}

/* The Ethernet address of a multicast group (RFC 1112, 6.4), or the broadcast
 * address. */
static struct mac mac_of_group(uint32_t a)
{
    return a >> 28 != 14
               ? (struct mac){{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}
               : (struct mac){{0x01, 0x00, 0x5e, (uint8_t)(a >> 16 & 0x7f),
                               (uint8_t)(a >> 8), (uint8_t)a}};
}

static void to_ethernet(void *ctx, struct ip_address next, bool to_many,
                        struct buf *packet)
{
    struct arp *arp = ctx;

    if (to_many)
        ethernet_write(arp_ethernet(arp), mac_of_group(ipv4_number(next)),
                       ETHERTYPE_IPV4, packet);
    else
        arp_write(arp, next, packet);
}

/* Reports to the protocol of a packet of ours, which begins with its IPv4
 * header, that the next hop does not answer ARP. */
static void on_arp_silence(void *ctx, struct ip_address next,
                           struct buf *packet)
{
    static const struct ipv4_error error = {ERR_UNREACHABLE, 0};
    struct ipv4 *ip = ctx;
    struct fragment f;
    size_t len, header;

    (void)next;
    len = buf_length(packet);
    packet = buf_pullup(packet, min(len, (size_t)64));
    if (!packet)
        return;
    header = ipv4_parse(packet->data, buf_length(packet), &f, &len);
    if (header && packet->len >= header + 8 && f.offset == 0)
        ipv4_failed(ip, &f.packet, packet->data + header,
                    packet->len - header, &error);
    buf_free(packet);
}

static void on_reassembly_timeout(void *ctx, const struct ipv4_packet *packet,
                                  const struct buf *start)
{
    ipv4_refuse(ctx, packet, start, 11, 1);
}

enum status ipv4_connect_with_wheel(packet_sink *out, void *ctx,
                                    struct wheel *w, uint16_t mtu,
                                    unsigned features, struct ipv4 **made)
{
    struct ipv4 *ip = calloc(1, sizeof *ip);

    if (ip)
        ip->fragments = reassembly_new(w, on_reassembly_timeout, ip);
    if (!ip || !ip->fragments) {
        free(ip);
        return ERR_NO_MEMORY;
    }
    ip->out = out;
    ip->out_ctx = ctx;
    ip->wheel = w;
    ip->link_mtu = ip->mtu = mtu;
    ip->features = features;
    ipv4_ids_init(&ip->ids);
    *made = ip;
    return OK;
}

enum status ipv4_connect_to(packet_sink *out, void *ctx, uint16_t mtu,
                            unsigned features, struct ipv4 **made)
{
    struct wheel *w = malloc(sizeof *w);
    enum status s;

    if (!w)
        return ERR_NO_MEMORY;
    s = ipv4_connect_with_wheel(out, ctx, w, mtu, features, made);
    if (s == OK && (s = wheel_start(w)) == OK) {
        (*made)->own_wheel = w;
        return OK;
    }
    if (s == OK)
        ipv4_disconnect(*made);
    free(w);
    return s;
}

enum status ipv4_connect(struct arp *arp, struct ipv4 **made)
{
    struct network *net = ethernet_network(arp_ethernet(arp));
    enum status s = ipv4_connect_with_wheel(to_ethernet, arp, arp_wheel(arp),
                                            net->mtu, net->features, made);

    if (s != OK)
        return s;
    (*made)->arp = arp;
    arp_on_silence(arp, on_arp_silence, *made);
    ethernet_listen(arp_ethernet(arp), ETHERTYPE_IPV4, from_ethernet, *made);
    return OK;
}

void ipv4_set_address(struct ipv4 *ip, struct ip_address address,
                      unsigned prefix, struct ip_address gateway)
{
    ipv4_routing_set(&ip->routing, address, prefix, gateway);
}

void ipv4_set_routes(struct ipv4 *ip, const struct ipv4_route *routes,
                     unsigned count)
{
    ip->routing.route_count = min(count, IPV4_ROUTES);
    memcpy(ip->routing.routes, routes,
           ip->routing.route_count * sizeof *routes);
}

void ipv4_set_mtu(struct ipv4 *ip, uint16_t mtu)
{
    if (mtu >= IPV4_MTU_LEAST)
        ip->mtu = min(mtu, ip->link_mtu);
}

uint16_t ipv4_mtu(const struct ipv4 *ip)
{
    return ip->mtu;
}

unsigned ipv4_features(const struct ipv4 *ip)
{
    return ip->features;
}

struct ip_address ipv4_own(const struct ipv4 *ip)
{
    return ipv4_of_number(ip->routing.own);
}

bool ipv4_is_broadcast(const struct ipv4 *ip, struct ip_address a)
{
    return ipv4_routing_is_broadcast(&ip->routing, ipv4_number(a));
}

void ipv4_listen(struct ipv4 *ip, uint8_t protocol, ipv4_handler *fn,
                 ipv4_error_handler *failed, void *ctx)
{
    int at = 0;

    while (at < PROTOCOLS - 1 && ip->listener[at].fn &&
           ip->listener[at].protocol != protocol)
        at++;
    ip->listener[at].protocol = protocol;
    ip->listener[at].fn = fn;
    ip->listener[at].failed = failed;
    ip->listener[at].ctx = ctx;
}

bool ipv4_reaches(const struct ipv4 *ip, struct ip_address to)
{
    return ipv4_routing_find(&ip->routing, ipv4_number(to)).next != 0;
}

static enum status write_fragments(struct ipv4 *ip,
                                   const struct ipv4_packet *packet,
                                   struct buf *payload, uint32_t from,
                                   struct ipv4_hop hop)
{
    size_t total = buf_length(payload);
    size_t most = (size_t)(ip->mtu - IPV4_HEADER) & ~(size_t)7;
    uint16_t id = ipv4_ids_alloc(&ip->ids, from, ipv4_number(packet->to),
                                 packet->protocol, 1);

    if (payload->offload.kind != OFFLOAD_NONE && !checksum_fill(payload)) {
        buf_free(payload);
        return ERR_RANGE;
    }
    payload->offload = (struct offload){0};
    ip->counters.fragmented++;
    for (size_t at = 0; at < total; at += most) {
        size_t len = min(total - at, most);
        uint16_t offset = (uint16_t)(at / 8);
        struct buf *b = buf_new(IPV4_HEADROOM);

        if (at + len < total)
            offset |= IPV4_MORE_FRAGMENTS;
        if (b && (b->next = buf_share_list(payload, at, len)) != NULL)
            b = ipv4_add_header(packet, b, from, id, offset);
        if (!b || !b->next) {
            buf_free(b);
            buf_free(payload);
            return ERR_NO_MEMORY;
        }
        ip->counters.out++;
        ip->out(ip->out_ctx, ipv4_of_number(hop.next), hop.to_many, b);
    }
    buf_free(payload);
    return OK;
}

enum status ipv4_write(struct ipv4 *ip, const struct ipv4_packet *packet,
                       struct buf *payload)
{
    struct ipv4_hop hop = ipv4_routing_find(&ip->routing,
                                            ipv4_number(packet->to));
    uint32_t from = ipv4_number(packet->from);
    size_t len = IPV4_HEADER + buf_length(payload), segments;
    uint16_t id;
    bool fits = len <= ip->mtu || payload->offload.segment;

    if (hop.next == 0) {
        ip->counters.no_route++;
        buf_free(payload);
        return ERR_UNREACHABLE;
    }
    if (len > IPV4_PACKET_MAX || (!fits && packet->whole)) {
        buf_free(payload);
        return ERR_RANGE;
    }
    if (!from)
        from = ip->routing.own;
    if (!fits)
        return write_fragments(ip, packet, payload, from, hop);
    segments = payload->offload.segment;
    segments = segments ? len / segments + 1 : 1; /* an identity each */
    id = ipv4_ids_alloc(&ip->ids, from, ipv4_number(packet->to),
                        packet->protocol, (unsigned)segments);
    payload = ipv4_add_header(packet, payload, from, id,
                              packet->whole ? IPV4_DONT_FRAGMENT : 0);
    if (!payload)
        return ERR_NO_MEMORY;
    ip->counters.out++;
    ip->out(ip->out_ctx, ipv4_of_number(hop.next), hop.to_many, payload);
    return OK;
}

void ipv4_on_refusal(struct ipv4 *ip, ipv4_refusal *fn, void *ctx)
{
    ip->refuse = fn;
    ip->refuse_ctx = ctx;
}

void ipv4_refuse(struct ipv4 *ip, const struct ipv4_packet *packet,
                 const struct buf *payload, uint8_t type, uint8_t code)
{
    /* RFC 1122, 3.2.2: no ICMP error for multicast or broadcast. */
    if (ip->refuse && !packet->to_many)
        ip->refuse(ip->refuse_ctx, packet, payload, type, code);
}

void ipv4_failed(struct ipv4 *ip, const struct ipv4_packet *packet,
                 const uint8_t *start, size_t len,
                 const struct ipv4_error *error)
{
    for (int i = 0; i < PROTOCOLS; i++)
        if (ip->listener[i].failed &&
            ip->listener[i].protocol == packet->protocol)
            ip->listener[i].failed(ip->listener[i].ctx, packet, start, len,
                                   error);
}

struct wheel *ipv4_wheel(const struct ipv4 *ip)
{
    return ip->wheel;
}

void ipv4_counters(const struct ipv4 *ip,
                   void (*fn)(void *ctx, const char *name, uint64_t value),
                   void *ctx)
{
    const struct reassembly_counters *r = reassembly_counters(ip->fragments);

    fn(ctx, "ipv4_in", ip->counters.in);
    fn(ctx, "ipv4_malformed", ip->counters.malformed);
    fn(ctx, "ipv4_not_ours", ip->counters.not_ours);
    fn(ctx, "ipv4_martians", ip->counters.martians);
    fn(ctx, "ipv4_no_protocol", ip->counters.no_protocol);
    fn(ctx, "ipv4_fragments_in", r->fragments);
    fn(ctx, "ipv4_reassembled", r->datagrams);
    fn(ctx, "ipv4_fragments_overlapped", r->overlaps);
    fn(ctx, "ipv4_fragments_expired", r->timeouts);
    fn(ctx, "ipv4_fragments_overflowed", r->overflows);
    fn(ctx, "ipv4_fragments_mixed_ecn", r->mixed);
    fn(ctx, "ipv4_out", ip->counters.out);
    fn(ctx, "ipv4_no_route", ip->counters.no_route);
    fn(ctx, "ipv4_fragmented", ip->counters.fragmented);
}

void ipv4_disconnect(struct ipv4 *ip)
{
    if (ip->arp) {
        ethernet_listen(arp_ethernet(ip->arp), ETHERTYPE_IPV4, NULL, NULL);
        arp_on_silence(ip->arp, NULL, NULL);
    }
    reassembly_free(ip->fragments);
    if (ip->own_wheel) {
        wheel_stop(ip->own_wheel);
        free(ip->own_wheel);
    }
    free(ip);
}
