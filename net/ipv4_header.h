/* SPDX-License-Identifier: ISC */
/*
 * IPv4 headers (RFC 791, 3.1): parsing and emission.
 */
#ifndef NET_IPV4_HEADER_H
#define NET_IPV4_HEADER_H

#include "reassembly.h"
#include <mirage/ipv4.h>

#define IPV4_HEADER_MAX     60 /* bytes, with all options */
#define IPV4_PACKET_MAX     65535 /* bytes */
#define IPV4_MORE_FRAGMENTS 0x2000
#define IPV4_DONT_FRAGMENT  0x4000

/* Parses and checks the header at p. total: bytes received, at least
 * IPV4_HEADER. Sets *len to the length of the packet. Returns the length of the
 * header; 0: it is malformed. */
size_t ipv4_parse(const uint8_t *p, size_t total, struct fragment *f,
                  size_t *len);

/* Returns whether the len bytes of options at p contain a source route, or are
 * malformed. By a source route the sender chooses the path of the packet and of
 * the replies to it (RFC 7126, 4.3 and 4.4). */
bool ipv4_has_source_route(const uint8_t *p, size_t len);

/* Prepends a header to payload, which it takes. Returns the packet, yours;
 * NULL: there is no page for the header, and payload is freed. */
struct buf *ipv4_add_header(const struct ipv4_packet *packet,
                            struct buf *payload, uint32_t from, uint16_t id,
                            uint16_t flags);

#endif
