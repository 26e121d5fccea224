/* SPDX-License-Identifier: ISC */
/*
 * Segmentation in software, for devices without NETWORK_TCP_SEGMENTS or
 * NETWORK_UDP_SEGMENTS. The headers of a frame are in its first buf. A segment
 * has an adjusted copy of them, and windows on its part of the data, which is
 * not copied.
 */
#include "segment.h"
#include <mirage/bytes.h>
#include <mirage/checksum.h>
#include <mirage/macros.h>
#include <mirage/network.h>
#include <string.h>

#define TCP       6
#define UDP       17
#define FIN       0x01
#define PSH       0x08
#define HEADERS   (ETHERNET_HEADER + 60 + 60) /* bytes, at most */
#define HEAD_ROOM 64 /* bytes before a segment's headers */

/* The offsets of a frame's headers and data. */
struct headers {
    size_t ip, transport, data;
    uint8_t protocol;
};

static bool read_headers(const struct buf *frame, struct headers *h)
{
    const uint8_t *p = frame->data;
    size_t least = 8; /* bytes of UDP's header */

    h->ip = ETHERNET_HEADER;
    if (frame->len < h->ip + 20 || get_be16(p + 12) != 0x0800 ||
        p[h->ip] >> 4 != 4 || (p[h->ip] & 15) < 5)
        return false;
    h->transport = h->ip + 4 * (size_t)(p[h->ip] & 15);
    h->protocol = p[h->ip + 9];
    if (h->protocol == TCP && frame->len >= h->transport + 20) {
        least = 20;
        h->data = h->transport + 4 * (size_t)(p[h->transport + 12] >> 4);
    } else if (h->protocol == UDP) {
        h->data = h->transport + least;
    } else {
        return false;
    }
    return h->data >= h->transport + least && frame->len >= h->data &&
           h->data <= HEADERS;
}

/* Adjusts the headers at p to those of segment `number`, which has len data
 * bytes from offset `at` of the frame's data. */
static void adjust(uint8_t *p, const struct headers *h, unsigned number,
                   size_t at, size_t len, bool is_last)
{
    uint8_t *ip = p + h->ip, *transport = p + h->transport;
    size_t transport_len = h->data - h->transport + len;

    put_be16(ip + 2, (uint16_t)(h->transport - h->ip + transport_len));
    put_be16(ip + 4, (uint16_t)(get_be16(ip + 4) + number));
    put_be16(ip + 10, 0);
    put_be16(ip + 10,
             checksum_finish(checksum_add(0, ip, h->transport - h->ip)));
    if (h->protocol == TCP) {
        put_be32(transport + 4, get_be32(transport + 4) + (uint32_t)at);
        if (!is_last)
            transport[13] &= (uint8_t) ~(FIN | PSH);
    } else {
        put_be16(transport + 4, (uint16_t)transport_len);
    }
}

/* Puts the sum of the pseudo header into the checksum field, where a device or
 * checksum_fill expects it. */
static void put_pseudo(uint8_t *p, const struct headers *h, size_t len,
                       size_t place)
{
    uint64_t sum = checksum_pseudo(
        ipv4_of_number(get_be32(p + h->ip + 12)),
        ipv4_of_number(get_be32(p + h->ip + 16)), h->protocol, len);

    put_be16(p + place, checksum_fold(sum));
}

static struct buf *make_segment(const struct buf *frame,
                                const struct headers *h, unsigned number,
                                size_t at, size_t len, bool is_last)
{
    enum offload_kind kind = h->protocol == TCP ? OFFLOAD_TCP_IPV4
                                                : OFFLOAD_UDP_IPV4;
    struct buf *b = buf_new(HEAD_ROOM);

    if (!b)
        return NULL;
    memcpy(buf_append(b, h->data), frame->data, h->data);
    adjust(b->data, h, number, at, len, is_last);
    put_pseudo(b->data, h, h->data - h->transport + len,
               h->transport + offload_csum_offset(kind));
    b->offload.csum_start = (uint16_t)h->transport;
    b->offload.kind = kind;
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

struct transport network_transport(const struct buf *frame)
{
    const uint8_t *p = frame->data;
    struct transport t = {OFFLOAD_NONE, 0};
    uint8_t protocol;

    if (frame->len < ETHERNET_HEADER + 20 || get_be16(p + 12) != 0x0800 ||
        p[ETHERNET_HEADER] >> 4 != 4 || (p[ETHERNET_HEADER] & 15) < 5)
        return t;
    protocol = p[ETHERNET_HEADER + 9];
    if (protocol != TCP && protocol != UDP)
        return t;
    t.kind = protocol == TCP ? OFFLOAD_TCP_IPV4 : OFFLOAD_UDP_IPV4;
    t.start = (uint16_t)(ETHERNET_HEADER + 4 * (p[ETHERNET_HEADER] & 15));
    return t;
}
