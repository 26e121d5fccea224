/* SPDX-License-Identifier: ISC */
/*
 * address: Ethernet and IP addresses. No call here blocks.
 *
 * One type holds an IPv4 or an IPv6 address: sixteen bytes in network order, an
 * IPv4 address as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2). Ports are in host order,
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

/* The most routes of a stack: eight, and the default route. */
#define IPV4_ROUTES 9

/*
 * A route to the addresses whose first `prefix` bits, 0 to 32, are those of
 * network. Packets are sent to router; if that is 0.0.0.0 the addresses are on
 * the link, and packets are sent to the destination itself.
 */
struct ipv4_route {
    struct ip_address network;
    unsigned prefix;
    struct ip_address router;
};

/* Returns the address a.b.c.d. */
struct ip_address ipv4_address(uint8_t a, uint8_t b, uint8_t c, uint8_t d);

/* Convert an IPv4 address to a number, its first byte the most significant, and
 * back. The number of an IPv6 address is 0. */
uint32_t ipv4_number(struct ip_address a);
struct ip_address ipv4_of_number(uint32_t number);

bool ip_is_ipv4(struct ip_address a);
bool ip_equal(struct ip_address a, struct ip_address b);
bool mac_equal(struct mac a, struct mac b);

/*
 * Addresses as text: "10.0.0.2", "2001:db8::1" (RFC 5952), "02:00:00:00:00:01".
 * Returned by value: ip_text(a).s is valid to the end of the full expression,
 * and so can be an argument.
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
 * Parses an IPv4 address: four decimal numbers of 0 to 255, of one to three
 * digits, separated by points. ERR_FORMAT: text is something else; *a is
 * unchanged.
 */
MUST_CHECK enum status ip_parse(const char *text, struct ip_address *a);

/*
 * Converts an IPv4 netmask to the length of its prefix: 255.255.255.0 is 24.
 * ERR_FORMAT: its ones are not contiguous, or it is an IPv6 address; *bits is
 * unchanged.
 */
MUST_CHECK enum status ipv4_prefix(struct ip_address netmask, unsigned *bits);

/*
 * Returns whether a can be the IPv4 address of one host: it is not in 0/8,
 * 127/8 (loopback), 224/4 (multicast) or 240/4 (reserved; RFC 1122, 3.2.1.3).
 */
bool ipv4_is_of_host(struct ip_address a);

/*
 * Returns whether a can be the address of a host in a network with a prefix of
 * that length, 0 to 32: ipv4_is_of_host, and it is neither the address of the
 * network nor its broadcast address. Networks of 31 (RFC 3021) and 32 bits have
 * neither.
 */
bool ipv4_is_host_in(struct ip_address a, unsigned prefix);

/* Returns whether the first `prefix` bits of a and b, 0 to 32, are equal. */
bool ipv4_same_network(struct ip_address a, struct ip_address b,
                       unsigned prefix);

#endif
