/* SPDX-License-Identifier: ISC */
/*
 * Routing of a host (RFC 1122, 3.3.1): the link, routes by the longest prefix,
 * the gateway. Which addresses are of no host (3.2.1.3).
 */
#include "ipv4_route.h"

static uint32_t prefix_mask(unsigned prefix)
{
    return prefix == 0 ? 0 : 0xffffffffu << (32 - prefix);
}

static bool is_multicast(uint32_t a)
{
    return a >> 28 == 14;
}

void ipv4_routing_set(struct ipv4_routing *r, struct ip_address address,
                      unsigned prefix, struct ip_address gateway)
{
    r->own = ipv4_number(address);
    r->mask = prefix_mask(prefix);
    r->gateway = ipv4_number(gateway);
    r->route_count = 0;
}

/* Whether a route leads to an address. */
static bool leads_to(const struct ipv4_route *route, uint32_t to)
{
    return ((to ^ ipv4_number(route->network)) & prefix_mask(route->prefix)) ==
           0;
}

/* The next hop to an address: itself on the link, or the router of the longest
 * prefix, or else the gateway; 0: none. */
static uint32_t next_hop(const struct ipv4_routing *r, uint32_t to)
{
    const struct ipv4_route *best = NULL;

    for (unsigned i = 0; i < r->route_count; i++) {
        const struct ipv4_route *route = &r->routes[i];

        if (leads_to(route, to) && (!best || route->prefix > best->prefix))
            best = route;
    }
    if (((to ^ r->own) & r->mask) == 0 &&
        (!best || r->mask >= prefix_mask(best->prefix)))
        return to;
    if (!best)
        return r->gateway;
    return ipv4_number(best->router) ? ipv4_number(best->router) : to;
}

struct ipv4_hop ipv4_routing_find(const struct ipv4_routing *r, uint32_t to)
{
    bool to_many = ipv4_routing_is_broadcast(r, to) || is_multicast(to);

    if (to_many)
        return (struct ipv4_hop){to, true};
    if (to >> 24 == 0 || to >> 24 == 127 || !r->own || to == r->own)
        return (struct ipv4_hop){0, false};
    return (struct ipv4_hop){next_hop(r, to), false};
}
