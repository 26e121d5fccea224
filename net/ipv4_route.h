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

bool ipv4_routing_is_broadcast(const struct ipv4_routing *r, uint32_t a);

/* Is it an address that no packet may be from (RFC 1122, 3.2.1.3)? */
bool ipv4_routing_is_martian(const struct ipv4_routing *r, uint32_t from);

/* Finds the next hop for a destination; false: there is no route. */
bool ipv4_routing_find(const struct ipv4_routing *r, uint32_t to,
                       uint32_t *next, bool *to_many);

#endif
