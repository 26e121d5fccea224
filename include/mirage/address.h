/* SPDX-License-Identifier: ISC */
/*
 * address: who is meant on a network.
 *
 * One type holds an IPv4 or an IPv6 address: sixteen bytes, an IPv4 address
 * in them as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2). Ports are in host order,
 * like every integer in memory.
 */
#ifndef MIRAGE_ADDRESS_H
#define MIRAGE_ADDRESS_H

#include <mirage/status.h>
#include <stdbool.h>
#include <stdint.h>

struct mac {
    uint8_t byte[6];
};

struct ip_address {
    uint8_t byte[16];
};

struct endpoint {
    struct ip_address ip;
    uint16_t port;
};

/* Routes that a stack keeps: eight, and one for all if that has no router. */
#define IPV4_ROUTES 9

/*
 * What is sent to the addresses that have the first prefix bits of network,
 * 0 to 32, goes to router, or with a router of 0.0.0.0 to the host itself,
 * which is on the link.
 */
struct ipv4_route {
    struct ip_address network;
    unsigned prefix;
    struct ip_address router;
};

/* The address a.b.c.d. */
struct ip_address ipv4_address(uint8_t a, uint8_t b, uint8_t c, uint8_t d);

/* An IPv4 address as a number, its first byte the highest, and back. The
 * number of an address that is none of IPv4 is 0. */
uint32_t ipv4_number(struct ip_address a);
struct ip_address ipv4_of_number(uint32_t number);

bool ip_is_ipv4(struct ip_address a);
bool ip_equal(struct ip_address a, struct ip_address b);
bool mac_equal(struct mac a, struct mac b);

/*
 * For people: "10.0.0.2", or as RFC 5952 has it, "2001:db8::1". The text is
 * there to the end of the full expression: ip_text(a).s is for an argument.
 */
struct ip_text {
    char s[46];
};
struct mac_text {
    char s[18];
};
struct ip_text ip_text(struct ip_address a);
struct mac_text mac_text(struct mac a);

/*
 * Reads an IPv4 address, four numbers of 0 to 255 with points between and
 * nothing else. ERR_FORMAT: it is none; *a is unchanged.
 */
MUST_CHECK enum status ip_parse(const char *text, struct ip_address *a);

/*
 * The bits of an IPv4 netmask such as 255.255.255.0: 24. ERR_FORMAT: a bit
 * is set behind one that is not; *bits is unchanged.
 */
MUST_CHECK enum status ipv4_prefix(struct ip_address netmask, unsigned *bits);

/*
 * Whether a single host can have the IPv4 address a, as opposed to a group, to
 * nobody or to every host's own loopback: none of 0/8, 127/8, and 224/4 and
 * above (RFC 1122, 3.2.1.3).
 */
bool ipv4_is_of_host(struct ip_address a);

/*
 * Whether a host can have a in a network of which the first prefix bits are
 * the number: as ipv4_is_of_host, and neither the network's own address nor
 * its broadcast address. Networks of 31 bits (RFC 3021) and 32 have neither.
 */
bool ipv4_is_host_in(struct ip_address a, unsigned prefix);

/* Whether a and b have the same first prefix bits, 0 to 32. */
bool ipv4_same_network(struct ip_address a, struct ip_address b,
                       unsigned prefix);

#endif
