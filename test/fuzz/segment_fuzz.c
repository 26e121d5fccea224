/* SPDX-License-Identifier: ISC */
/*
 * Segmentation in software (device/segment.c), of TCP and UDP over IPv4 and
 * IPv6: the data of the segments are those of the frame, in their order; the
 * headers of each are the frame's but for lengths, identification, sequence
 * number and flags; and the checksums are right. If pages run out, each segment
 * is sent or counted as lost.
 *
 * Input: struct order, and bytes of the headers. A frame has these headers,
 * with the fields that the kind of the frame fixes; or, if the input says so,
 * exactly as they are, and then only memory is checked.
 */
#include "platform.h"
#include <device/segment.h>
#include <mirage/bytes.h>
#include <mirage/checksum.h>
#include <mirage/network.h>
#include <string.h>

#define PAGES    512
#define SEGMENTS 64 /* of a frame, at most */
#define OF_LAST  0x09 /* PSH, FIN: flags of the last segment alone */
#define OF_FIRST 0x80 /* CWR: of the first */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct order {
    uint8_t kind; /* bits: TCP, IPv6, headers as they are, few pages */
    uint8_t options; /* of IP: words of IPv4, or a header of IPv6 */
    uint8_t tcp_options; /* words */
    uint8_t piece; /* 16 bytes in each buf after the first */
    uint8_t segment[2], len[2];
};

static uint8_t flat[NETWORK_FRAME]; /* the frame */
static enum offload_kind kind;
static size_t start, headers, total, most; /* bytes; total: of data */
static size_t sent, sent_segments;
static bool is_checked, is_scarce;

static bool is_tcp(void)
{
    return offload_is_tcp(kind);
}

static bool is_ipv6(void)
{
    return offload_is_ipv6(kind);
}

static uint8_t letter(size_t i)
{
    return (uint8_t)(i * 7 + i / 251);
}

static void set_kind(uint8_t from)
{
    kind = from & 2   ? from & 1 ? OFFLOAD_TCP_IPV6 : OFFLOAD_UDP_IPV6
           : from & 1 ? OFFLOAD_TCP_IPV4
                      : OFFLOAD_UDP_IPV4;
}

/* Fixes the fields that the frame's kind determines. */
static void make_headers(const struct order *o)
{
    uint8_t protocol = is_tcp() ? 6 : 17, *ip = flat + ETHERNET_HEADER;

    if (is_ipv6()) {
        size_t options = o->options % 25; /* of 8 bytes; 0: none */

        put_be16(flat + 12, 0x86dd);
        ip[0] = (uint8_t)(0x60 | (ip[0] & 15));
        ip[6] = protocol;
        start = ETHERNET_HEADER + 40 + 8 * options;
        if (options > 0) {
            ip[6] = o->options & 0x80 ? 60 : 0;
            ip[40] = protocol;
            ip[41] = (uint8_t)(options - 1);
        }
    } else {
        put_be16(flat + 12, 0x0800);
        ip[0] = (uint8_t)(0x45 + o->options % 11);
        ip[9] = protocol;
        start = ETHERNET_HEADER + 4 * (size_t)(ip[0] & 15);
    }
    headers = start + 8;
    if (is_tcp()) {
        flat[start + 12] = (uint8_t)((5 + o->tcp_options % 11) << 4);
        headers = start + 4 * (size_t)(flat[start + 12] >> 4);
    }
}

static struct buf *make_frame(size_t piece)
{
    size_t at = headers + (piece & 0x70), end = headers + total;
    struct buf *first, **last;

    if (piece < total / SEGMENTS + 1)
        piece = total / SEGMENTS + 1;
    at = at < end ? at : end;
    first = buf_copy_in(flat, at, 0);
    check(first && !first->next);
    first->offload = (struct offload){.kind = kind,
                                      .csum_start = (uint16_t)start,
                                      .segment = (uint16_t)most};
    for (last = &first->next; at < end; last = &(*last)->next) {
        size_t n = piece < end - at ? piece : end - at;

        *last = buf_copy_in(flat + at, n, 0);
        check(*last != NULL);
        while ((*last)->next)
            last = &(*last)->next;
        at += n;
    }
    return first;
}

static uint64_t pseudo(const uint8_t *p, size_t len)
{
    const uint8_t *ip = p + ETHERNET_HEADER;
    struct ip_address from, to;

    if (!is_ipv6())
        return checksum_pseudo(ipv4_of_number(get_be32(ip + 12)),
                               ipv4_of_number(get_be32(ip + 16)), ip[9], len);
    memcpy(from.byte, ip + 8, 16);
    memcpy(to.byte, ip + 24, 16);
    return checksum_pseudo(from, to, is_tcp() ? 6 : 17, len);
}

/* Checks a field, and makes it that of the frame. */
static void check_field(uint8_t *p, size_t at, uint16_t wanted)
{
    check(get_be16(p + at) == wanted);
    memcpy(p + at, flat + at, 2);
}

static void check_headers(uint8_t *p, size_t len, bool is_last)
{
    const size_t ip = ETHERNET_HEADER;
    size_t after = headers - start + len; /* bytes after IP's headers */

    check(checksum_finish(checksum_add(pseudo(p, after), p + start, after)) ==
          0);
    if (is_ipv6()) {
        check_field(p, ip + 4, (uint16_t)(start - ip - 40 + after));
    } else {
        check(checksum_finish(checksum_add(0, p + ip, start - ip)) == 0);
        check_field(p, ip + 2, (uint16_t)(start - ip + after));
        check_field(p, ip + 4,
                    (uint16_t)(get_be16(flat + ip + 4) + sent_segments));
        memcpy(p + ip + 10, flat + ip + 10, 2);
    }
    if (is_tcp()) {
        uint8_t lost = (uint8_t)((is_last ? 0 : OF_LAST) |
                                 (sent_segments == 0 ? 0 : OF_FIRST));

        check(get_be32(p + start + 4) ==
              get_be32(flat + start + 4) + (uint32_t)sent);
        memcpy(p + start + 4, flat + start + 4, 4);
        check(p[start + 13] == (flat[start + 13] & ~lost));
        p[start + 13] = flat[start + 13];
        memcpy(p + start + 16, flat + start + 16, 2);
    } else {
        check_field(p, start + 4, (uint16_t)after);
        memcpy(p + start + 6, flat + start + 6, 2);
    }
    check(memcmp(p, flat, headers) == 0);
}

static void on_segment(void *ctx, struct buf *b)
{
    static uint8_t p[NETWORK_FRAME];
    size_t len = buf_length(b);

    (void)ctx;
    check(len > 0 && len <= sizeof p && b->offload.segment == 0);
    if (is_checked) {
        size_t n = most < total - sent ? most : total - sent;

        check(b->offload.kind == kind && b->offload.csum_start == start);
        check(checksum_fill(b));
        if (!is_scarce) {
            buf_copy_out(b, 0, p, len);
            check(len == headers + n);
            check(memcmp(p + headers, flat + headers + sent, n) == 0);
            check_headers(p, n, sent + n == total);
            sent += n;
        }
    }
    sent_segments++;
    buf_free(b);
}

static struct buf *take_pages(size_t left)
{
    struct buf *taken = NULL, *b;

    while (buf_pages_free() > left && (b = buf_new(0)) != NULL) {
        b->next = taken;
        taken = b;
    }
    return taken;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct order o;
    struct buf *frame, *taken = NULL;
    unsigned lost;
    size_t count;

    if (buf_pages() == 0)
        check(buf_reserve(PAGES) == OK);
    if (size < sizeof o)
        return 0;
    memcpy(&o, data, sizeof o);
    data += sizeof o;
    size -= sizeof o;
    headers = 400;
    memset(flat, 0, headers);
    memcpy(flat, data, size < headers ? size : headers);
    set_kind(o.kind);
    start = o.options;
    is_checked = !(o.kind & 4);
    is_scarce = o.kind & 8;
    if (is_checked)
        make_headers(&o);
    else
        headers = 1 + size % 400;
    total = get_be16(o.len);
    if (total > NETWORK_JOINED - headers)
        total = NETWORK_JOINED - headers;
    most = get_be16(o.segment);
    if (total / SEGMENTS > most && most > 0)
        most = total / SEGMENTS;
    for (size_t i = 0; i < total; i++)
        flat[headers + i] = letter(i);
    frame = make_frame(16 * (1 + (size_t)o.piece));
    if (is_scarce)
        taken = take_pages(o.tcp_options % 32);
    sent = sent_segments = 0;
    lost = segment_cut(frame, on_segment, NULL);
    buf_free(taken);
    count = most ? (total + most - 1) / most : 0;
    if (is_checked && count == 0)
        check(lost == 1 && sent_segments == 0);
    else if (is_checked)
        check(lost + sent_segments == count && (is_scarce || lost == 0));
    check(buf_pages_free() == buf_pages());
    return 0;
}
