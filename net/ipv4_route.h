/* SPDX-License-Identifier: ISC */
/*
 * Addresses and routes of an IPv4 host (RFC 1122, 3.2.1.3 and 3.3.1).
 */
#ifndef NET_IPV4_ROUTE_H
#define NET_IPV4_ROUTE_H

#include <mirage/address.h>
#include <mirage/ipv4.h>

/* All zero: no address. */
struct ipv4_routing {
    uint32_t own, mask, gateway; /* own 0: no address */
    struct ipv4_route routes[IPV4_ROUTES];
    unsigned route_count;
};

/* Sets the address, and removes all routes but the gateway (0.0.0.0: none). */
void ipv4_routing_set(struct ipv4_routing *r, struct ip_address address,
                      unsigned prefix, struct ip_address gateway);

static inline bool ipv4_routing_is_broadcast(const struct ipv4_routing *r,
                                             uint32_t a)
{
    return a == 0xffffffff ||
           (r->own && r->mask < 0xfffffffe && a == (r->own | ~r->mask));
}

/* Is it an address that no packet may be from (RFC 1122, 3.2.1.3)? */
static inline bool ipv4_routing_is_martian(const struct ipv4_routing *r,
                                           uint32_t from)
{
    return from >> 24 == 0 || from >> 24 == 127 || from >> 29 == 7 ||
           ipv4_routing_is_broadcast(r, from) || (r->own && from == r->own);
}

struct ipv4_hop {
    uint32_t next; /* 0: there is no route */
    bool to_many;
};

/* Finds the next hop for a destination. */
struct ipv4_hop ipv4_routing_find(const struct ipv4_routing *r, uint32_t to);

#endif
