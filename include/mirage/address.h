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

#include <stdint.h>

struct mac {
    uint8_t byte[6];
};

struct ip_address {
    uint8_t byte[16];
};

struct endpoint {
    struct ip_address ip;
    uint16_t          port;
};

#endif
