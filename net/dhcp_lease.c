/* SPDX-License-Identifier: ISC */
/*
 * The lease that a DHCP server offers or grants (RFC 2131, 4.3.1 and 4.4.5):
 * whether a host can use it, and when it is renewed and ends.
 */
#include "dhcp_lease.h"
#include "host_address.h"
#include <mirage/macros.h>
#include <mirage/random.h>
#include <mirage/text.h>
#include <string.h>

#define LEAST_LEASE  10u /* seconds */
#define UNSAID_LEASE 3600u /* the same, of a server without option 51 */
#define LEAST_MTU    576 /* bytes that each host takes (RFC 791, 3.1) */

/* The time `seconds` after `when`; FOREVER if the lease is infinite (3.3), or
 * ends beyond the range of the clock. */
static nanoseconds after(nanoseconds when, uint32_t seconds)
{
    if (seconds == DHCP_INFINITE || seconds * SECOND > FOREVER - when)
        return FOREVER;
    return when + seconds * SECOND;
}

/* The prefix of the address's class, which RFC 1122, 3.2.1.1 assumes without a
 * netmask. */
static unsigned prefix_of_class(struct ip_address ip)
{
    unsigned first = ipv4_number(ip) >> 24;

    if (first < 128)
        return 8;
    return first < 192 ? 16 : 24;
}

/* Faults in a server's message, as bits of d->warned. */
enum fault {
    BAD_ADDRESS = 1,
    BAD_GATEWAY = 2,
    BAD_ROUTER = 4,
    BAD_MTU = 8,
    SHORT_LEASE = 16,
    MANY_ROUTES = 32,
};

/* Logs a fault once until the next DISCOVER: the server repeats it with every
 * renewal. */
static void warn(struct dhcp *d, enum fault kind, struct ip_address ip,
                 const char *what)
{
    char text[160];

    if (d->warned & kind)
        return;
    d->warned |= kind;
    text_format(text, sizeof text, "DHCP: %s%s", ip_text(ip).s, what);
    d->caller->warn(d->ctx, text);
}

/* Returns why router cannot be reached. NULL: it is in our network, or on the
 * link by a route. */
static const char *router_fault(const struct stackv4_address *a,
                                struct ip_address router)
{
    const char *fault = gateway_fault(router, a->ip, a->prefix);

    if (!fault || !ipv4_is_of_host(router) ||
        ipv4_same_network(router, a->ip, a->prefix))
        return fault;
    for (unsigned i = 0; i < a->route_count; i++)
        if (ipv4_number(a->routes[i].router) == 0 &&
            ipv4_same_network(router, a->routes[i].network,
                              a->routes[i].prefix))
            return NULL;
    return fault;
}

/* Can router be reached? If not, logs what is left out. */
static bool can_reach(struct dhcp *d, enum fault kind,
                      const struct stackv4_address *a,
                      struct ip_address router, const char *what)
{
    const char *fault = router_fault(a, router);
    char text[120];

    if (!fault)
        return true;
    text_format(text, sizeof text, " is %s: %s left out", fault, what);
    warn(d, kind, router, text);
    return false;
}

/* Leaves out the gateway and the routes whose router cannot be reached. */
static void check_routing(struct dhcp *d)
{
    struct stackv4_address *a = &d->lease.address;
    struct stackv4_address all = *a;

    if (!can_reach(d, BAD_GATEWAY, &all, a->gateway, "the gateway is"))
        a->gateway = ipv4_of_number(0);
    memset(a->routes, 0, sizeof a->routes);
    a->route_count = 0;
    for (unsigned i = 0; i < all.route_count; i++)
        if (can_reach(d, BAD_ROUTER, &all, all.routes[i].router,
                      "its routes are"))
            a->routes[a->route_count++] = all.routes[i];
}

/* An ACK without a netmask keeps that of the OFFER, or of the lease that it
 * renews. */
static unsigned prefix_of(const struct dhcp *d, const struct dhcp_reply *r)
{
    const struct stackv4_address *a = &d->lease.address;

    if (r->prefix)
        return r->prefix;
    return r->type == DHCP_ACK && ip_equal(a->ip, r->yours)
               ? a->prefix
               : prefix_of_class(r->yours);
}

bool dhcp_lease_is_acceptable(struct dhcp *d, const struct dhcp_reply *r)
{
    unsigned prefix = prefix_of(d, r);
    const char *fault = host_address_fault(r->yours, prefix);
    char text[120];

    if (!fault)
        return true;
    text_format(text, sizeof text, "/%u is offered, which is %s: not taken",
                prefix, fault);
    warn(d, BAD_ADDRESS, r->yours, text);
    return false;
}

/* Sets the address and its parameters. A parameter that the message lacks keeps
 * its value. */
static void set_address(struct dhcp *d, const struct dhcp_reply *r)
{
    struct stackv4_address *a = &d->lease.address;

    a->prefix = prefix_of(d, r);
    a->ip = r->yours;
    if (r->dns_count) {
        memcpy(a->dns, r->dns, sizeof r->dns);
        a->dns_count = r->dns_count;
    }
    if (r->ntp_count) {
        memcpy(a->ntp, r->ntp, sizeof r->ntp);
        a->ntp_count = r->ntp_count;
    }
    if (r->has_routing) {
        a->gateway = r->router;
        memcpy(a->routes, r->routes, sizeof r->routes);
        a->route_count = r->route_count;
        if (r->routes_left_out)
            warn(d, MANY_ROUTES, a->ip,
                 " has more routes than eight: the others are left out");
    }
    check_routing(d);
}

/* Moves t by a thirty-second of the lease at most, so that clients that booted
 * together do not renew together (4.4.5). */
static nanoseconds randomise(nanoseconds t, nanoseconds length)
{
    t += length / 16 / 65536 * random_below(65536);
    return t > length / 32 ? t - length / 32 : 0;
}

/*
 * Sets T1, T2 and the end of the lease. Whatever the server says, no REQUEST is
 * sent before an eighth of the lease has passed, and one is broadcast before
 * its end.
 */
static void set_times(struct dhcp *d, bool is_granted)
{
    struct dhcp_lease *l = &d->lease;
    uint32_t seconds = d->seconds, t1 = d->t1, t2 = d->t2;
    nanoseconds length, first, second;

    if (seconds < LEAST_LEASE) {
        char text[80];

        text_format(text, sizeof text,
                    " is granted for %u s, and held for %u s",
                    (unsigned)seconds, LEAST_LEASE);
        if (is_granted)
            warn(d, SHORT_LEASE, l->address.ip, text);
        seconds = LEAST_LEASE;
    }
    length = seconds * SECOND;
    d->interval = max(length / 8, SECOND);
    l->end = after(d->asked, seconds);
    if (l->end == FOREVER) {
        l->t1 = l->t2 = FOREVER;
        return;
    }
    second = t2 == 0 || t2 >= seconds ? length - length / 8 : t2 * SECOND;
    first = t1 == 0 || t1 * SECOND >= second ? length / 2 : t1 * SECOND;
    first = clamp(randomise(first, length), d->interval,
                  length - 2 * d->interval);
    second = clamp(randomise(second, length), first, length - length / 16);
    l->t1 = d->asked + first;
    l->t2 = d->asked + second;
}

/* An OFFER, or an ACK with another address, starts from default values. */
void dhcp_lease_set(struct dhcp *d, const struct dhcp_reply *r)
{
    struct dhcp_lease *l = &d->lease;

    if (r->type == DHCP_OFFER || !ip_equal(l->address.ip, r->yours)) {
        struct ip_address server = l->server;

        memset(l, 0, sizeof *l);
        l->address.gateway = ipv4_of_number(0);
        l->server = r->type == DHCP_OFFER ? ipv4_of_number(0) : server;
        d->seconds = UNSAID_LEASE;
        d->t1 = d->t2 = 0;
    }
    if (ipv4_number(r->server))
        l->server = r->server;
    if (r->mtu >= LEAST_MTU)
        l->mtu = r->mtu;
    else if (r->mtu)
        warn(d, BAD_MTU, r->yours,
             " comes with an MTU of less than 576 bytes: it is left out");
    if (r->has_lease) {
        d->seconds = r->lease;
        d->t1 = r->t1;
        d->t2 = r->t2;
    }
    set_address(d, r);
    set_times(d, r->type == DHCP_ACK);
}
