/* SPDX-License-Identifier: ISC */
/*
 * DHCP messages (RFC 2131, 2; RFC 2132): 236 fixed bytes, the magic cookie, and
 * options. Options may continue in the fields file and sname (option 52), and a
 * long option may be split (RFC 3396).
 */
#include "dhcp_message.h"
#include <mirage/bytes.h>
#include <string.h>

#define FIXED   236
#define COOKIE  0x63825363
#define OPTIONS 240 /* offset of the options */
#define LEAST   300 /* bytes of a BOOTP message (RFC 1542, 2.1) */
#define SNAME   44
#define FILE    108

enum option {
    PAD = 0,
    NETMASK = 1,
    ROUTER = 3,
    DNS = 6,
    HOST = 12,
    MTU = 26,
    NTP = 42,
    WANTED = 50,
    LEASE = 51,
    OVERLOAD = 52,
    TYPE = 53,
    SERVER = 54,
    PARAMETERS = 55,
    SIZE = 57,
    T1 = 58,
    T2 = 59,
    CLIENT = 61,
    ROUTES = 121,
    END = 255,
};

/* A field that has options. */
struct area {
    const uint8_t *p;
    size_t len;
};

/* Reads the option at *at of an area, and moves *at behind it. False: there is
 * none. */
static bool next(const struct area *a, size_t *at, uint8_t *code,
                 const uint8_t **data, size_t *len)
{
    while (*at < a->len && a->p[*at] == PAD)
        ++*at;
    if (*at + 2 > a->len || a->p[*at] == END ||
        a->p[*at + 1] > a->len - *at - 2)
        return false;
    *code = a->p[*at];
    *len = a->p[*at + 1];
    *data = a->p + *at + 2;
    *at += 2 + *len;
    return true;
}

/* Concatenates all parts of an option (RFC 3396). Returns its length, at most
 * max. */
static size_t collect(const struct area *areas, size_t count, uint8_t wanted,
                      uint8_t *to, size_t max)
{
    size_t total = 0;

    for (size_t i = 0; i < count; i++) {
        size_t at = 0, len;
        uint8_t code;
        const uint8_t *data;

        while (next(&areas[i], &at, &code, &data, &len))
            if (code == wanted) {
                if (len > max - total)
                    len = max - total;
                memcpy(to + total, data, len);
                total += len;
            }
    }
    return total;
}

struct options {
    struct area areas[3];
    size_t count;
};

/*
 * Reads a number of size bytes; false: it is absent. A server that sends the
 * option twice means two options, and not a split one: the first is used.
 */
static bool number(const struct options *o, uint8_t code, size_t size,
                   uint32_t *value)
{
    uint8_t p[64];
    size_t len = collect(o->areas, o->count, code, p, sizeof p);

    *value = 0;
    if (len == 0 || len % size != 0)
        return false;
    *value = size == 4 ? get_be32(p) : get_be16(p);
    return true;
}

static struct ip_address address(const struct options *o, uint8_t code)
{
    uint32_t ip;

    (void)number(o, code, 4, &ip);
    return ipv4_of_number(ip);
}

static unsigned list(const struct options *o, uint8_t code,
                     struct ip_address *to, unsigned max)
{
    uint8_t p[255];
    size_t len = collect(o->areas, o->count, code, p, sizeof p);
    unsigned count = 0;

    for (size_t at = 0; at + 4 <= len && count < max; at += 4) {
        struct ip_address ip = ipv4_of_number(get_be32(p + at));

        if (ipv4_is_of_host(ip))
            to[count++] = ip;
    }
    return count;
}

/* Reads the route at p (RFC 3442). Returns its length, at most len; 0: it is
 * malformed. */
static size_t read_route(const uint8_t *p, size_t len, struct ipv4_route *r)
{
    uint8_t network[4] = {0};
    size_t bytes = (p[0] + 7u) / 8;

    if (p[0] > 32 || 1 + bytes + 4 > len)
        return 0;
    memcpy(network, p + 1, bytes);
    r->prefix = p[0];
    r->network = ipv4_of_number(
        get_be32(network) &
        (r->prefix == 0 ? 0 : 0xffffffffu << (32 - r->prefix)));
    r->router = ipv4_of_number(get_be32(p + 1 + bytes));
    return 1 + bytes + 4;
}

/*
 * Reads option 121 (RFC 3442): the first default route is the gateway, unless
 * it has no router; eight others are kept. A malformed route ends the list.
 */
static void read_routes(const struct options *o, struct dhcp_reply *r)
{
    uint8_t p[512];
    size_t len = collect(o->areas, o->count, ROUTES, p, sizeof p);
    size_t at = 0, n;
    bool has_default = false;
    unsigned further = 0;
    struct ipv4_route route;

    while (at < len && (n = read_route(p + at, len - at, &route)) > 0) {
        bool is_default = route.prefix == 0;

        at += n;
        r->has_routing = true;
        if (is_default && has_default)
            continue;
        has_default = has_default || is_default;
        if (is_default && ipv4_number(route.router))
            r->router = route.router;
        else if (is_default || further++ < IPV4_ROUTES - 1)
            r->routes[r->route_count++] = route;
        else
            r->routes_left_out++;
    }
}

static void find_areas(const uint8_t *p, size_t len, struct options *o)
{
    uint8_t overload;

    o->areas[0] = (struct area){p + OPTIONS, len - OPTIONS};
    o->count = 1;
    if (collect(o->areas, 1, OVERLOAD, &overload, 1) == 1) {
        if (overload & 1)
            o->areas[o->count++] = (struct area){p + FILE, 128};
        if (overload & 2)
            o->areas[o->count++] = (struct area){p + SNAME, 64};
    }
}

static void read_numbers(const struct options *o, struct dhcp_reply *r)
{
    uint32_t mtu;

    r->server = address(o, SERVER);
    if (ipv4_prefix(address(o, NETMASK), &r->prefix) != OK)
        r->prefix = 0;
    r->router = ipv4_of_number(0);
    read_routes(o, r);
    if (!r->has_routing)
        r->has_routing = list(o, ROUTER, &r->router, 1) > 0;
    r->dns_count = list(o, DNS, r->dns, DHCP_SERVERS);
    r->ntp_count = list(o, NTP, r->ntp, DHCP_SERVERS);
    r->has_lease = number(o, LEASE, 4, &r->lease);
    (void)number(o, T1, 4, &r->t1);
    (void)number(o, T2, 4, &r->t2);
    (void)number(o, MTU, 2, &mtu);
    r->mtu = (uint16_t)mtu;
}

bool dhcp_parse(const uint8_t *p, size_t len, struct dhcp_reply *r)
{
    struct options o;
    uint8_t type;

    memset(r, 0, sizeof *r);
    /* BOOTREPLY, six bytes of address. */
    if (len < OPTIONS || p[0] != 2 || p[2] != 6 ||
        get_be32(p + FIXED) != COOKIE)
        return false;
    find_areas(p, len, &o);
    if (collect(o.areas, o.count, TYPE, &type, 1) != 1)
        return false;
    if (type != DHCP_OFFER && type != DHCP_ACK && type != DHCP_NAK)
        return false;
    r->type = (enum dhcp_type)type;
    r->xid = get_be32(p + 4);
    r->yours = ipv4_of_number(get_be32(p + 16));
    memcpy(r->mac.byte, p + 28, 6);
    read_numbers(&o, r);
    return true;
}

static uint8_t *put(uint8_t *at, uint8_t code, const void *data, size_t len)
{
    at[0] = code;
    at[1] = (uint8_t)len;
    memcpy(at + 2, data, len);
    return at + 2 + len;
}

static uint8_t *put_address(uint8_t *at, uint8_t code, struct ip_address ip)
{
    return ipv4_number(ip) ? put(at, code, ip.byte + 12, 4) : at;
}

size_t dhcp_emit(const struct dhcp_request *r, uint8_t p[DHCP_REQUEST_LEN])
{
    /* RFC 3442: option 121 must precede option 3. */
    static const uint8_t wanted[] = {NETMASK, ROUTES, ROUTER, DNS, MTU,
                                     NTP, LEASE, T1, T2};
    uint8_t *at = p + OPTIONS;
    uint8_t type = (uint8_t)r->type;
    uint8_t client[7] = {1};
    size_t host = r->host ? strnlen(r->host, 63) : 0;
    bool asks = r->type == DHCP_DISCOVER ||
                r->type == DHCP_REQUEST;

    memset(p, 0, DHCP_REQUEST_LEN);
    p[0] = 1; /* BOOTREQUEST */
    p[1] = 1;
    p[2] = 6;
    put_be32(p + 4, r->xid);
    put_be16(p + 8, r->seconds);
    put_be32(p + 12, ipv4_number(r->own));
    memcpy(p + 28, r->mac.byte, 6);
    put_be32(p + FIXED, COOKIE);
    memcpy(client + 1, r->mac.byte, 6);
    at = put(at, TYPE, &type, 1);
    at = put(at, CLIENT, client, sizeof client);
    at = put_address(at, WANTED, r->wanted);
    if (r->selects)
        at = put(at, SERVER, r->server.byte + 12, 4);
    else
        at = put_address(at, SERVER, r->server);
    if (asks) {
        at = put(at, SIZE, "\x05\xdc", 2); /* 1,500 */
        at = put(at, PARAMETERS, wanted, sizeof wanted);
        if (host > 0)
            at = put(at, HOST, r->host, host);
    }
    *at++ = END;
    return at - p < LEAST ? LEAST : (size_t)(at - p);
}
