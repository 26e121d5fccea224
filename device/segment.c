/* SPDX-License-Identifier: ISC */
/*
 * Segmentation in software, for devices that do not cut frames of the kind. The
 * headers of a frame are in its first buf. A segment has an adjusted copy of
 * them, and windows on its part of the data, which is not copied.
 */
#include "segment.h"
#include <mirage/bytes.h>
#include <mirage/checksum.h>
#include <mirage/macros.h>
#include <mirage/network.h>
#include <string.h>

#define TCP         6
#define UDP         17
#define HOP_BY_HOP  0 /* options of IPv6 (RFC 8200, 4.3, 4.6) */
#define DESTINATION 60
#define FIN         0x01
#define PSH         0x08
#define CWR         0x80
#define IPV6_HEADER 40 /* bytes */
#define IP_HEADERS  256 /* bytes before a transport header, at most */
#define HEADERS     (IP_HEADERS + 60) /* bytes, at most */
#define HEAD_ROOM   64 /* bytes before a segment's headers */

struct transport network_transport(const struct buf *frame)
{
    const uint8_t *p = frame->data, *ip = p + ETHERNET_HEADER;
    struct transport t = {OFFLOAD_NONE, 0};
    enum offload_kind tcp = OFFLOAD_TCP_IPV4, udp = OFFLOAD_UDP_IPV4;
    size_t start = ETHERNET_HEADER + IPV6_HEADER;
    size_t limit = min(frame->len, (size_t)IP_HEADERS);
    uint8_t protocol;

    if (frame->len < ETHERNET_HEADER + 20)
        return t;
    if (get_be16(p + 12) == 0x0800 && ip[0] >> 4 == 4 && (ip[0] & 15) >= 5) {
        start = ETHERNET_HEADER + 4 * (size_t)(ip[0] & 15);
        protocol = ip[9];
    } else if (get_be16(p + 12) == 0x86dd && ip[0] >> 4 == 6) {
        protocol = ip[6];
        tcp = OFFLOAD_TCP_IPV6;
        udp = OFFLOAD_UDP_IPV6;
        while ((protocol == HOP_BY_HOP || protocol == DESTINATION) &&
               start + 8 <= limit) {
            protocol = p[start];
            start += 8 * (p[start + 1] + 1u);
        }
    } else {
        return t;
    }
    if ((protocol != TCP && protocol != UDP) || start > limit)
        return t;
    t.kind = protocol == TCP ? tcp : udp;
    t.start = (uint16_t)start;
    return t;
}

/* The offsets of a frame's transport header and data. */
struct headers {
    struct transport t;
    size_t data;
};

static bool read_headers(const struct buf *frame, struct headers *h)
{
    size_t least = 8; /* bytes of UDP's header */

    h->t = network_transport(frame);
    if (h->t.kind == OFFLOAD_NONE)
        return false;
    h->data = h->t.start + least;
    if (offload_is_tcp(h->t.kind)) {
        least = 20;
        if (frame->len < h->t.start + least)
            return false;
        h->data = h->t.start + 4 * (size_t)(frame->data[h->t.start + 12] >> 4);
    }
    return h->data >= h->t.start + least && frame->len >= h->data &&
           h->data <= HEADERS;
}

/* Adjusts the IP header to that of segment `number`, with transport_len bytes
 * of TCP or UDP, and returns the sum of its pseudo header. */
static uint64_t adjust_ip(uint8_t *ip, const struct headers *h, unsigned number,
                          size_t transport_len)
{
    const size_t header = h->t.start - ETHERNET_HEADER;
    struct ip_address from, to;

    if (offload_is_ipv6(h->t.kind)) {
        put_be16(ip + 4, (uint16_t)(header - IPV6_HEADER + transport_len));
        memcpy(from.byte, ip + 8, sizeof from.byte);
        memcpy(to.byte, ip + 24, sizeof to.byte);
    } else {
        put_be16(ip + 2, (uint16_t)(header + transport_len));
        put_be16(ip + 4, (uint16_t)(get_be16(ip + 4) + number));
        put_be16(ip + 10, 0);
        put_be16(ip + 10, checksum_finish(checksum_add(0, ip, header)));
        from = ipv4_of_number(get_be32(ip + 12));
        to = ipv4_of_number(get_be32(ip + 16));
    }
    return checksum_pseudo(from, to, offload_is_tcp(h->t.kind) ? TCP : UDP,
                           transport_len);
}

/* Adjusts the headers at p to those of segment `number`, which has len data
 * bytes from offset `at` of the frame's data. The checksum is that of the
 * pseudo header, as a device or checksum_fill expects it. */
static void adjust(uint8_t *p, const struct headers *h, unsigned number,
                   size_t at, size_t len, bool is_last)
{
    uint8_t *transport = p + h->t.start;
    size_t transport_len = h->data - h->t.start + len;
    uint64_t sum = adjust_ip(p + ETHERNET_HEADER, h, number, transport_len);

    if (offload_is_tcp(h->t.kind)) {
        put_be32(transport + 4, get_be32(transport + 4) + (uint32_t)at);
        if (!is_last)
            transport[13] &= (uint8_t) ~(FIN | PSH);
        if (number > 0) /* RFC 3168, 6.1.2: once for a window */
            transport[13] &= (uint8_t)~CWR;
    } else {
        put_be16(transport + 4, (uint16_t)transport_len);
    }
    put_be16(transport + offload_csum_offset(h->t.kind), checksum_fold(sum));
}

static struct buf *make_segment(const struct buf *frame,
                                const struct headers *h, unsigned number,
                                size_t at, size_t len, bool is_last)
{
    struct buf *b = buf_new(HEAD_ROOM);

    if (!b)
        return NULL;
    memcpy(buf_append(b, h->data), frame->data, h->data);
    adjust(b->data, h, number, at, len, is_last);
    b->offload.csum_start = h->t.start;
    b->offload.kind = h->t.kind;
    b->next = buf_share_list(frame, h->data + at, len);
    if (!b->next) {
        buf_free(b);
        return NULL;
    }
    return b;
}

unsigned segment_cut(struct buf *frame, segment_sink *out, void *ctx)
{
    size_t most = frame->offload.segment, total = buf_length(frame);
    unsigned lost = 0, number = 0;
    struct headers h;

    if (!read_headers(frame, &h) || most == 0 || total == h.data) {
        buf_free(frame);
        return 1;
    }
    total -= h.data;
    for (size_t at = 0; at < total; at += most, number++) {
        size_t len = min(total - at, most);
        bool is_last = at + len == total;
        struct buf *b = make_segment(frame, &h, number, at, len, is_last);

        if (b)
            out(ctx, b);
        else
            lost++;
    }
    buf_free(frame);
    return lost;
}
