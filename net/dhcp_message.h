/* SPDX-License-Identifier: ISC */
/*
 * dhcp_message: parsing and emission of DHCP messages (RFC 2131, 2; RFC 2132;
 * RFC 3396; RFC 3442).
 */
#ifndef NET_DHCP_MESSAGE_H
#define NET_DHCP_MESSAGE_H

#include <mirage/address.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DHCP_CLIENT_PORT 68
#define DHCP_SERVER_PORT 67
#define DHCP_REQUEST_LEN 548 /* the most bytes of a request */
#define DHCP_SERVERS     3 /* kept of a list */
#define DHCP_INFINITE    0xffffffffu /* seconds */

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
 * A server's message. Absent addresses are 0.0.0.0; lists have only addresses
 * that a host can have (ipv4_is_of_host). The router and the routes are those
 * of option 121, or, if that is absent, of option 3 (RFC 3442).
 */
struct dhcp_reply {
    enum dhcp_type type; /* OFFER, ACK or NAK */
    uint32_t xid;
    struct mac mac; /* of the client */
    struct ip_address yours, server, router;
    bool has_lease;
    uint32_t lease, t1, t2; /* seconds; t1, t2: 0: absent */
    unsigned prefix; /* bits; 0: absent */
    uint16_t mtu; /* 0: absent */
    struct ip_address dns[DHCP_SERVERS], ntp[DHCP_SERVERS];
    unsigned dns_count, ntp_count;
    bool has_routing; /* option 121 or 3 is present */
    struct ipv4_route routes[IPV4_ROUTES];
    unsigned route_count;
    unsigned routes_left_out; /* beyond the eight that are kept */
};

/* A client's message. Addresses of 0.0.0.0 are omitted, except the server's in
 * a REQUEST that selects a server. */
struct dhcp_request {
    enum dhcp_type type;
    uint32_t xid;
    uint16_t seconds; /* since the client began */
    struct mac mac;
    struct ip_address own; /* ciaddr */
    struct ip_address wanted; /* option 50 */
    struct ip_address server; /* option 54 */
    bool selects;
    const char *host; /* option 12; NULL: omitted */
};

/*
 * Parses a message. An option that exceeds its field is ignored with all that
 * follow in the field. False: it is no OFFER, ACK or NAK for a client on
 * Ethernet.
 */
bool dhcp_parse(const uint8_t *p, size_t len, struct dhcp_reply *r);

/* Writes r to p; returns its length. */
size_t dhcp_emit(const struct dhcp_request *r, uint8_t p[DHCP_REQUEST_LEN]);

#endif
