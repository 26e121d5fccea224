/* SPDX-License-Identifier: ISC */
/*
 * IPv4 for a host: it forwards nothing.
 */
#include "reassembly.h"
#include "siphash.h"
#include <mirage/bytes.h>
#include <mirage/checksum.h>
#include <mirage/ipv4.h>
#include <mirage/network.h>
#include <mirage/random.h>
#include <stdlib.h>
#include <string.h>

#define TTL            64
#define MOST           65535 /* bytes of a packet */
#define ALL_HOSTS      0xe0000001 /* RFC 1112, 4 */
#define PROTOCOLS      4
#define MORE_FRAGMENTS 0x2000
#define DONT_FRAGMENT  0x4000
#define OFFSET         0x1fff
#define ID_COUNTERS    1024 /* a power of two */
#define BOOTP_SERVER   67 /* ports of UDP */
#define BOOTP_CLIENT   68

struct counters {
    uint64_t in, malformed, not_ours, martians, no_protocol;
    uint64_t out, no_route, fragmented;
};

/* Identities of packets to the destinations of one hash. */
struct id_counter {
    uint16_t next;
    uint32_t used; /* milliseconds; they may wrap */
};

struct ipv4 {
    packet_sink *out;
    void *out_ctx;
    struct wheel *wheel;
    uint16_t link_mtu, mtu;
    unsigned features;
    uint32_t own, mask, gateway; /* own 0: none */
    struct ipv4_route routes[IPV4_ROUTES];
    unsigned route_count;
    struct siphash_key id_key;
    struct id_counter ids[ID_COUNTERS];
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

static uint32_t prefix_mask(unsigned prefix)
{
    return prefix == 0 ? 0 : 0xffffffffu << (32 - prefix);
}

static bool is_multicast(uint32_t a)
{
    return a >> 28 == 14;
}

static bool is_broadcast(const struct ipv4 *ip, uint32_t a)
{
    return a == 0xffffffff ||
           (ip->own && ip->mask < 0xfffffffe && a == (ip->own | ~ip->mask));
}

/*
 * Addresses that no host has, or none from whom a packet may come (RFC 1122,
 * 3.2.1.3): of this network, loopback, multicast and beyond, and our own.
 */
static bool is_martian(const struct ipv4 *ip, uint32_t from)
{
    return from >> 24 == 0 || from >> 24 == 127 || from >> 29 == 7 ||
           is_broadcast(ip, from) || (ip->own && from == ip->own);
}

/* A packet's header, checked: the bytes that it takes; 0: it is none. */
static size_t parse(const uint8_t *p, size_t total, struct fragment *f,
                    size_t *len)
{
    size_t header = 4 * (size_t)(p[0] & 15);
    uint16_t flags = get_be16(p + 6);

    *len = get_be16(p + 2);
    if (p[0] >> 4 != 4 || header < IPV4_HEADER || *len < header ||
        *len > total || checksum_finish(checksum_add(0, p, header)) != 0)
        return 0;
    f->packet = (struct ipv4_packet){
        .from = ipv4_of_number(get_be32(p + 12)),
        .to = ipv4_of_number(get_be32(p + 16)),
        .protocol = p[9],
        .ttl = p[8],
        .service = p[1],
        .whole = flags & DONT_FRAGMENT,
        .id = get_be16(p + 4),
    };
    f->header = (unsigned)header;
    f->offset = (flags & OFFSET) * 8u;
    f->more = flags & MORE_FRAGMENTS;
    return header;
}

/* Options are stepped over; but a source route would make us a router, and
 * its answer go where the sender wants (RFC 7126, 4.3). */
static bool has_source_route(const uint8_t *p, size_t len)
{
    size_t at = 0;

    while (at < len && p[at] != 0) {
        if (p[at] == 131 || p[at] == 137)
            return true;
        if (p[at] == 1) {
            at++;
            continue;
        }
        if (at + 1 >= len || p[at + 1] < 2)
            return true; /* nonsense: no better */
        at += p[at + 1];
    }
    return false;
}

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

/* Whether a packet that the link brings is for us. Without an address of ours
 * the only unicast packets are a DHCP server's, to the address that it offers
 * (RFC 2131, 4.1); is_wanted looks at their port. */
static bool is_for_us(const struct ipv4 *ip, struct ipv4_packet *packet)
{
    uint32_t to = ipv4_number(packet->to);

    if (!ip->own && packet->protocol != PROTOCOL_UDP)
        return false;
    if (is_broadcast(ip, to) || (ip->own && to == ALL_HOSTS))
        packet->to_many = true;
    else if (ip->own ? to != ip->own : !ipv4_is_of_host(packet->to))
        return false;
    return true;
}

/* The exceptions for DHCP, no wider than that: a host without an address takes
 * what is for a client, and only clients and servers hear a sender without an
 * address. */
static bool is_wanted(const struct ipv4 *ip, const struct ipv4_packet *packet,
                      const struct buf *payload)
{
    bool is_from_nobody = ipv4_number(packet->from) == 0;
    uint8_t ports[4];
    uint16_t to;

    if (ip->own && !is_from_nobody)
        return true;
    if (packet->protocol != PROTOCOL_UDP || buf_length(payload) < sizeof ports)
        return false;
    buf_copy_out(payload, 0, ports, sizeof ports);
    to = get_be16(ports + 2);
    return to == BOOTP_CLIENT || (ip->own && to == BOOTP_SERVER);
}

void ipv4_input(struct ipv4 *ip, bool to_many, struct buf *b)
{
    struct fragment f;
    size_t header, len, total = buf_length(b);

    ip->counters.in++;
    b = buf_pull(b, total < 60 ? total : 60);
    if (!b)
        return;
    header = total < IPV4_HEADER ? 0 : parse(b->data, total, &f, &len);
    if (header == 0 ||
        has_source_route(b->data + IPV4_HEADER,
                         header > IPV4_HEADER ? header - IPV4_HEADER : 0)) {
        ip->counters.malformed++;
        buf_free(b);
        return;
    }
    /* A host that has no address yet asks for one from 0.0.0.0. */
    if (is_martian(ip, ipv4_number(f.packet.from)) &&
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
    /* Nobody who looks at it has less than eight bytes of payload. */
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

/* RFC 1112, 6.4: an IPv4 group's Ethernet address. */
static struct mac mac_of_group(uint32_t a)
{
    return a == 0xffffffff || !is_multicast(a)
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

/* Tells the sender of a packet of ours, whose header it has, what became of
 * it. */
static void nobody_answers(void *ctx, struct ip_address next,
                           struct buf *packet)
{
    static const struct ipv4_error error = {ERR_UNREACHABLE, 0};
    struct ipv4 *ip = ctx;
    struct fragment f;
    size_t len, header;

    (void)next;
    len = buf_length(packet);
    packet = buf_pull(packet, len < 64 ? len : 64);
    if (!packet)
        return;
    header = parse(packet->data, buf_length(packet), &f, &len);
    if (header && packet->len >= header + 8 && f.offset == 0)
        ipv4_failed(ip, &f.packet, packet->data + header,
                    packet->len - header, &error);
    buf_free(packet);
}

static void fragment_expired(void *ctx, const struct ipv4_packet *packet,
                             const struct buf *start)
{
    ipv4_refuse(ctx, packet, start, 11, 1);
}

enum status ipv4_connect_to(packet_sink *out, void *ctx, struct wheel *w,
                            uint16_t mtu, unsigned features,
                            struct ipv4 **made)
{
    struct ipv4 *ip = calloc(1, sizeof *ip);

    if (ip)
        ip->fragments = reassembly_new(w, fragment_expired, ip);
    if (!ip || !ip->fragments) {
        free(ip);
        return ERR_NO_MEMORY;
    }
    ip->out = out;
    ip->out_ctx = ctx;
    ip->wheel = w;
    ip->link_mtu = ip->mtu = mtu;
    ip->features = features;
    random_bytes(&ip->id_key, sizeof ip->id_key);
    random_bytes(ip->ids, sizeof ip->ids);
    *made = ip;
    return OK;
}

enum status ipv4_connect(struct arp *arp, struct ipv4 **made)
{
    struct network *net = ethernet_network(arp_ethernet(arp));
    enum status s = ipv4_connect_to(to_ethernet, arp, arp_wheel(arp),
                                    net->mtu, net->features, made);

    if (s != OK)
        return s;
    arp_on_silence(arp, nobody_answers, *made);
    ethernet_listen(arp_ethernet(arp), ETHERTYPE_IPV4, from_ethernet, *made);
    return OK;
}

void ipv4_set_address(struct ipv4 *ip, struct ip_address address,
                      unsigned prefix, struct ip_address gateway)
{
    ip->own = ipv4_number(address);
    ip->mask = prefix_mask(prefix);
    ip->gateway = ipv4_number(gateway);
    ip->route_count = 0;
}

void ipv4_set_routes(struct ipv4 *ip, const struct ipv4_route *routes,
                     unsigned count)
{
    ip->route_count = count < IPV4_ROUTES ? count : IPV4_ROUTES;
    memcpy(ip->routes, routes, ip->route_count * sizeof *routes);
}

void ipv4_set_mtu(struct ipv4 *ip, uint16_t mtu)
{
    if (mtu >= IPV4_MTU_LEAST)
        ip->mtu = mtu < ip->link_mtu ? mtu : ip->link_mtu;
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
    return ipv4_of_number(ip->own);
}

bool ipv4_is_broadcast(const struct ipv4 *ip, struct ip_address a)
{
    return is_broadcast(ip, ipv4_number(a));
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

/* The next hop to an address: itself if it is on the link, or the router of
 * the longest prefix, else the gateway; 0 if there is none. */
static uint32_t next_hop(const struct ipv4 *ip, uint32_t to)
{
    const struct ipv4_route *best = NULL;
    struct ip_address a = ipv4_of_number(to);

    for (unsigned i = 0; i < ip->route_count; i++) {
        const struct ipv4_route *r = &ip->routes[i];

        if (ipv4_same_network(a, r->network, r->prefix) &&
            (!best || r->prefix > best->prefix))
            best = r;
    }
    if (((to ^ ip->own) & ip->mask) == 0 &&
        (!best || ip->mask >= prefix_mask(best->prefix)))
        return to;
    if (!best)
        return ip->gateway;
    return ipv4_number(best->router) ? ipv4_number(best->router) : to;
}

/* Where a packet goes next; false: nowhere. */
static bool route(const struct ipv4 *ip, uint32_t to, uint32_t *next,
                  bool *to_many)
{
    *to_many = is_broadcast(ip, to) || is_multicast(to);
    *next = to;
    if (*to_many)
        return true;
    if (to >> 24 == 0 || to >> 24 == 127 || !ip->own || to == ip->own)
        return false;
    *next = next_hop(ip, to);
    return *next != 0;
}

bool ipv4_reaches(const struct ipv4 *ip, struct ip_address to)
{
    uint32_t next;
    bool to_many;

    return route(ip, ipv4_number(to), &next, &to_many);
}

/*
 * Takes count identities in a row for packets to a destination. A counter for
 * all would tell everybody how much we send to others, and let strangers guess
 * the identities of fragments (RFC 6274, 3.5.2). Counters are by a keyed hash
 * of the destination, which also says where each begins (RFC 7739, 5.3). Hosts
 * may share one: an advance by chance for the time between two packets hides
 * what the other did, and is slower than the time-out of reassembly.
 */
static uint16_t take_ids(struct ipv4 *ip, uint32_t from, uint32_t to,
                         uint8_t protocol, unsigned count)
{
    uint8_t flow[9];
    uint64_t hash;
    struct id_counter *c;
    uint32_t now = (uint32_t)(time_now() / MILLISECOND);
    uint16_t id;

    put_be32(flow, from);
    put_be32(flow + 4, to);
    flow[8] = protocol;
    hash = siphash(&ip->id_key, flow, sizeof flow);
    c = &ip->ids[hash % ID_COUNTERS];
    if (c->used != now)
        c->next = (uint16_t)(c->next + random_below(now - c->used));
    c->used = now;
    id = (uint16_t)(c->next + (hash >> 48));
    c->next = (uint16_t)(c->next + count);
    return id;
}

/* Puts the header before a payload, or before one buf of it. */
static struct buf *put_header(const struct ipv4_packet *packet,
                              struct buf *payload, uint32_t from, uint16_t id,
                              uint16_t flags)
{
    uint8_t *p;

    if (buf_headroom(payload) < IPV4_HEADER) {
        struct buf *b = buf_new(IPV4_HEADROOM);

        if (!b) {
            buf_free(payload);
            return NULL;
        }
        b->offload = payload->offload;
        b->next = payload;
        payload = b;
    }
    p = buf_prepend(payload, IPV4_HEADER);
    p[0] = 0x45;
    p[1] = packet->service;
    put_be16(p + 2, (uint16_t)buf_length(payload));
    put_be16(p + 4, id);
    put_be16(p + 6, flags);
    p[8] = packet->ttl ? packet->ttl : TTL;
    p[9] = packet->protocol;
    put_be16(p + 10, 0);
    put_be32(p + 12, from);
    put_be32(p + 16, ipv4_number(packet->to));
    put_be16(p + 10, checksum_finish(checksum_add(0, p, IPV4_HEADER)));
    return payload;
}

static enum status write_fragments(struct ipv4 *ip,
                                   const struct ipv4_packet *packet,
                                   struct buf *payload, uint32_t from,
                                   uint32_t next, bool to_many)
{
    size_t total = buf_length(payload);
    size_t most = (size_t)(ip->mtu - IPV4_HEADER) & ~(size_t)7;
    uint16_t id = take_ids(ip, from, ipv4_number(packet->to),
                           packet->protocol, 1);

    if (payload->offload.kind != OFFLOAD_NONE && !checksum_fill(payload)) {
        buf_free(payload);
        return ERR_RANGE;
    }
    payload->offload = (struct offload){0};
    ip->counters.fragmented++;
    for (size_t at = 0; at < total; at += most) {
        size_t len = total - at < most ? total - at : most;
        struct buf *b = buf_new(IPV4_HEADROOM);

        if (b && (b->next = buf_share_list(payload, at, len)) != NULL)
            b = put_header(packet, b, from, id,
                           (uint16_t)(at / 8 |
                                      (at + len < total ? MORE_FRAGMENTS
                                                        : 0)));
        if (!b || !b->next) {
            buf_free(b);
            buf_free(payload);
            return ERR_NO_MEMORY;
        }
        ip->counters.out++;
        ip->out(ip->out_ctx, ipv4_of_number(next), to_many, b);
    }
    buf_free(payload);
    return OK;
}

enum status ipv4_write(struct ipv4 *ip, const struct ipv4_packet *packet,
                       struct buf *payload)
{
    uint32_t from = ipv4_number(packet->from), next;
    size_t len = IPV4_HEADER + buf_length(payload), segments;
    bool to_many, fits = len <= ip->mtu || payload->offload.segment;

    if (!route(ip, ipv4_number(packet->to), &next, &to_many)) {
        ip->counters.no_route++;
        buf_free(payload);
        return ERR_UNREACHABLE;
    }
    if (len > MOST || (!fits && packet->whole)) {
        buf_free(payload);
        return ERR_RANGE;
    }
    if (!from)
        from = ip->own;
    if (!fits)
        return write_fragments(ip, packet, payload, from, next, to_many);
    segments = payload->offload.segment;
    segments = segments ? len / segments + 1 : 1; /* each has its own */
    payload = put_header(packet, payload, from,
                         take_ids(ip, from, ipv4_number(packet->to),
                                  packet->protocol, (unsigned)segments),
                         packet->whole ? DONT_FRAGMENT : 0);
    if (!payload)
        return ERR_NO_MEMORY;
    ip->counters.out++;
    ip->out(ip->out_ctx, ipv4_of_number(next), to_many, payload);
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
    /* RFC 1122, 3.2.2: nothing about what was for many. */
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
