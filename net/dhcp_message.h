/* SPDX-License-Identifier: ISC */
/*
 * dhcp_message: DHCP on the wire (RFC 2131, 2; RFC 2132; RFC 3396; RFC 3442).
 */
#ifndef NET_DHCP_MESSAGE_H
#define NET_DHCP_MESSAGE_H

#include <mirage/address.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DHCP_CLIENT_PORT 68
#define DHCP_SERVER_PORT 67
#define DHCP_REQUEST_LEN 548 /* bytes that a request has at most */
#define DHCP_SERVERS     3 /* that we keep of a list */
#define DHCP_FOR_EVER    0xffffffffu /* seconds */

enum dhcp_type {
    DHCP_DISCOVER = 1,
    DHCP_OFFER,
    DHCP_REQUEST,
    DHCP_DECLINE,
    DHCP_ACK,
    DHCP_NAK,
    DHCP_RELEASE,
};

/*
 * What a server says. Addresses that it does not say are 0.0.0.0; of lists it
 * has what a host can be (ipv4_is_of_host). The router and the routes are those
 * of option 121 if there is one, and of option 3 if not (RFC 3442).
 */
struct dhcp_reply {
    enum dhcp_type type; /* OFFER, ACK or NAK */
    uint32_t xid;
    struct mac mac; /* of the client */
    struct ip_address yours, server, router;
    bool has_lease;
    uint32_t lease, t1, t2; /* seconds; t1, t2: 0: not said */
    unsigned prefix; /* bits; 0: not said */
    uint16_t mtu; /* 0: not said */
    struct ip_address dns[DHCP_SERVERS], ntp[DHCP_SERVERS];
    unsigned dns_count, ntp_count;
    bool has_routing; /* option 121 or 3 was there */
    struct ipv4_route routes[IPV4_ROUTES];
    unsigned route_count;
    unsigned routes_left_out; /* for which there was no room */
};

/* What a client says. Addresses of 0.0.0.0 are left out, but that of the server
 * in a message that names the one that it selects. */
struct dhcp_request {
    enum dhcp_type type;
    uint32_t xid;
    uint16_t seconds; /* since it began */
    struct mac mac;
    struct ip_address own; /* ciaddr */
    struct ip_address wanted; /* option 50 */
    struct ip_address server; /* option 54 */
    bool selects;
    const char *host; /* option 12; NULL: left out */
};

/*
 * Reads a message. An option whose length does not fit ends the options of its
 * field; those before it count. False: it is no reply to a client with an
 * Ethernet address, or has no type of a reply.
 */
bool dhcp_parse(const uint8_t *p, size_t len, struct dhcp_reply *r);

/* Writes r; returns its length. */
size_t dhcp_emit(const struct dhcp_request *r, uint8_t p[DHCP_REQUEST_LEN]);

#endif
