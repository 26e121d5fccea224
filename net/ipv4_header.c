/* SPDX-License-Identifier: ISC */
/*
 * IPv4 headers: parsing, options, emission (RFC 791, 3.1).
 */
#include "ipv4_header.h"
#include <mirage/bytes.h>
#include <mirage/checksum.h>

#define TTL    64
#define OFFSET 0x1fff /* the bits of the fragment offset */

size_t ipv4_parse(const uint8_t *p, size_t total, struct fragment *f,
                  size_t *len)
{
    size_t header = 4 * (size_t)(p[0] & 15);
    uint16_t flags = get_be16(p + 6);

    *len = get_be16(p + 2);
    if (p[0] >> 4 != 4 || header < IPV4_HEADER || *len < header ||
        *len > total || checksum_finish(checksum_add(0, p, header)) != 0)
        return 0;
    f->packet = (struct ipv4_packet){
        .from = ipv4_of_number(get_be32(p + 12)),
        .to = ipv4_of_number(get_be32(p + 16)),
        .protocol = p[9],
        .ttl = p[8],
        .service = p[1],
        .whole = flags & IPV4_DONT_FRAGMENT,
        .id = get_be16(p + 4),
    };
    f->header = (unsigned)header;
    f->offset = (flags & OFFSET) * 8u;
    f->more = flags & IPV4_MORE_FRAGMENTS;
    return header;
}

bool ipv4_has_source_route(const uint8_t *p, size_t len)
{
    size_t at = 0;

    while (at < len && p[at] != 0) {
        if (p[at] == 131 || p[at] == 137)
            return true;
        if (p[at] == 1) {
            at++;
            continue;
        }
        if (at + 1 >= len || p[at + 1] < 2)
            return true; /* malformed: no better */
        at += p[at + 1];
    }
    return false;
}

struct buf *ipv4_add_header(const struct ipv4_packet *packet,
                            struct buf *payload, uint32_t from, uint16_t id,
                            uint16_t flags)
{
    uint8_t *p;

    if (buf_headroom(payload) < IPV4_HEADER) {
        struct buf *b = buf_new(IPV4_HEADROOM);

        if (!b) {
            buf_free(payload);
            return NULL;
        }
        b->offload = payload->offload;
        b->next = payload;
        payload = b;
    }
    p = buf_prepend(payload, IPV4_HEADER);
    p[0] = 0x45;
    p[1] = packet->service;
    put_be16(p + 2, (uint16_t)buf_length(payload));
    put_be16(p + 4, id);
    put_be16(p + 6, flags);
    p[8] = packet->ttl ? packet->ttl : TTL;
    p[9] = packet->protocol;
    put_be16(p + 10, 0);
    put_be32(p + 12, from);
    put_be32(p + 16, ipv4_number(packet->to));
    put_be16(p + 10, checksum_finish(checksum_add(0, p, IPV4_HEADER)));
    return payload;
}
