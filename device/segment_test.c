/* SPDX-License-Identifier: ISC */
/* Offloads in software for IPv6; network_test.c has those for IPv4. */
#include "check.h"
#include "kept_frames.h"
#include <mirage/bytes.h>
#include <mirage/checksum.h>
#include <mirage/network.h>
#include <stdlib.h>

#define IP          ETHERNET_HEADER
#define PAYLOAD     (IP + 40) /* what follows the IPv6 header */
#define HOP_BY_HOP  0
#define ROUTING     43
#define FRAGMENT    44
#define DESTINATION 60
#define ALL_IPV4    (NETWORK_CHECKSUM | NETWORK_TCP_SEGMENTS | \
                  NETWORK_UDP_SEGMENTS)
#define ALL_IPV6 (NETWORK_CHECKSUM_IPV6 | NETWORK_TCP_SEGMENTS_IPV6 | \
                  NETWORK_UDP_SEGMENTS_IPV6)

static struct ip_address address_at(const uint8_t *p)
{
    struct ip_address ip;

    memcpy(ip.byte, p, sizeof ip.byte);
    return ip;
}

/* The sum of the pseudo header of the frame at p. */
static uint64_t pseudo_of(const uint8_t *p, uint8_t protocol, size_t len)
{
    return checksum_pseudo(address_at(p + IP + 8), address_at(p + IP + 24),
                           protocol, len);
}

/* Adds an extension header of len bytes at p, a multiple of 8. */
static void put_options(uint8_t *p, uint8_t next, size_t len)
{
    memset(p, 1, len);
    p[0] = next;
    p[1] = (uint8_t)(len / 8 - 1);
}

/*
 * A frame of TCP or UDP over IPv6 with len data bytes, in bufs of piece bytes;
 * with hop-by-hop options of `options` bytes, and destination options of 8 if
 * there are any. It asks for its checksum; segment stands in its offload.
 */
static struct buf *frame_of(uint8_t protocol, size_t len, size_t piece,
                            size_t options, uint16_t segment)
{
    size_t header = protocol == TCP ? 32 : 8;
    size_t at = PAYLOAD + options + (options > 0 ? 8 : 0);
    struct buf *b = buf_new(0);
    uint8_t *p = buf_append(b, at + header);

    memset(p, 0, at + header);
    put_be16(p + 12, 0x86dd);
    put_be32(p + IP, 0x6ab12345); /* traffic class and flow label */
    put_be16(p + IP + 4, (uint16_t)(at + header + len - PAYLOAD));
    p[IP + 6] = options > 0 ? HOP_BY_HOP : protocol;
    p[IP + 7] = 64;
    for (size_t i = 0; i < 32; i++)
        p[IP + 8 + i] = (uint8_t)(0xfd + 11 * i);
    if (options > 0) {
        put_options(p + PAYLOAD, DESTINATION, options);
        put_options(p + PAYLOAD + options, protocol, 8);
    }
    return add_transport(
        b, at, header,
        pseudo_of(p, protocol, header + len),
        len, piece,
        (struct offload){.kind = protocol == TCP ? OFFLOAD_TCP_IPV6
                                                 : OFFLOAD_UDP_IPV6,
                         .segment = segment});
}

/* Copies the frame to flat, and checks that it is finished: its lengths, its
 * checksum, and all else of its headers up to `at`, where TCP or UDP begins. */
static void check_finished(const struct buf *frame, const uint8_t *headers,
                           uint8_t protocol, size_t at)
{
    size_t len = buf_length(frame);

    CHECK(frame->offload.kind == OFFLOAD_NONE &&
          frame->offload.segment == 0);
    buf_copy_out(frame, 0, flat, len);
    CHECK(get_be16(flat + IP + 4) == len - PAYLOAD);
    CHECK(memcmp(flat, headers, IP + 4) == 0);
    CHECK(memcmp(flat + IP + 6, headers + IP + 6, at - IP - 6) == 0);
    if (protocol == UDP)
        CHECK(get_be16(flat + at + 4) == len - at);
    CHECK(checksum_finish(checksum_add(pseudo_of(flat, protocol, len - at),
                                       flat + at, len - at)) == 0);
}

static void check_data(size_t at, size_t from, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (flat[at + i] != letter(from + i)) {
            CHECK(flat[at + i] == letter(from + i));
            return;
        }
}

/* Sends a frame to a device that does nothing for IPv6, and checks what comes
 * out of it: count segments of `most` bytes. */
static void check_cut(uint8_t protocol, size_t len, size_t piece,
                      size_t options, uint16_t most)
{
    struct network n = device(ALL_IPV4);
    struct buf *b = frame_of(protocol, len, piece, options, most);
    size_t at = b->offload.csum_start, done = 0;
    size_t data = b->len, count = (len + most - 1) / most;
    static uint8_t headers[400];

    memcpy(headers, b->data, b->len);
    network_write(&n, b);
    CHECK(sent_count == count && n.counters.frames_out == count);
    for (size_t i = 0; i < sent_count; i++) {
        size_t have = buf_length(sent[i]) - data;
        bool is_last = i + 1 == count;
        uint8_t flags = (uint8_t)(ACK | (i == 0 ? CWR : 0) |
                                  (is_last ? FIN | PSH : 0));

        CHECK(have == (is_last ? len - done : most));
        check_finished(sent[i], headers, protocol, at);
        CHECK(memcmp(flat + at, headers + at, 4) == 0); /* ports */
        if (protocol == TCP) {
            CHECK(get_be32(flat + at + 4) == (uint32_t)(SEQ + done));
            CHECK(flat[at + 12] == headers[at + 12] &&
                  flat[at + 13] == flags);
            CHECK(memcmp(flat + at + 20, headers + at + 20, 12) == 0);
        }
        check_data(data, done, have);
        done += have;
    }
    CHECK(done == len && n.counters.dropped_out == 0);
    CHECK(n.counters.bytes_out == len + count * data);
    forget_sent();
}

TEST(ipv6_segments_are_cut_where_the_device_cannot)
{
    static const size_t len[] = {1, 999, 1000, 1001, 2000, 2001, 7777};

    for (size_t i = 0; i < sizeof len / sizeof *len; i++)
        for (size_t options = 0; options <= 24; options += 8) {
            check_cut(TCP, len[i], 4000, options, 1000);
            check_cut(TCP, len[i], 333, options, 999);
            check_cut(UDP, len[i], 4000, options, 1000);
            check_cut(UDP, len[i], 333, options, 999);
        }
    check_cut(TCP, 65535 - 72, 4000, 0, 1428);
    check_cut(UDP, 65535 - 48, 4000, 0, 1452);
    check_cut(TCP, 60, 7, 0, 1);
}

TEST(an_ipv6_checksum_that_the_device_lacks_is_filled_in)
{
    static const uint8_t protocols[] = {TCP, UDP};
    static const unsigned features[] = {0, ALL_IPV4};

    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < 2; j++)
            for (size_t len = 0; len < 40; len++) {
                struct network n = device(features[j]);
                struct buf *b = frame_of(protocols[i], len, 3, len & 8, 0);
                size_t at = b->offload.csum_start, data = b->len;
                static uint8_t headers[200];

                memcpy(headers, b->data, b->len);
                network_write(&n, b);
                CHECK(sent_count == 1 && n.counters.dropped_out == 0);
                check_finished(sent[0], headers, protocols[i], at);
                check_data(data, 0, len);
                forget_sent();
            }
}

TEST(a_device_gets_the_work_of_its_ip_version_and_protocol_alone)
{
    static const struct {
        uint8_t protocol;
        uint16_t segment;
        unsigned least;
    } cases[] = {
        {TCP, 0, NETWORK_CHECKSUM_IPV6},
        {UDP, 0, NETWORK_CHECKSUM_IPV6},
        {TCP, 1000, NETWORK_TCP_SEGMENTS_IPV6},
        {UDP, 1000, NETWORK_UDP_SEGMENTS_IPV6},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (unsigned has = 0; has < 2; has++) {
            struct network n = device(
                has ? NETWORK_CHECKSUM_IPV6 | cases[i].least
                    : (ALL_IPV4 | ALL_IPV6) & ~cases[i].least);
            struct buf *b = frame_of(cases[i].protocol, 1200, 1000, 8,
                                     cases[i].segment);
            struct offload asked = b->offload;

            network_write(&n, b);
            if (has) {
                CHECK(sent_count == 1 && sent[0] == b);
                CHECK(memcmp(&b->offload, &asked, sizeof asked) == 0);
            } else if (cases[i].segment) {
                CHECK(sent_count == 2);
                CHECK(sent[0]->offload.segment == 0 &&
                      sent[0]->offload.kind == asked.kind &&
                      sent[0]->offload.csum_start == asked.csum_start);
            } else {
                CHECK(sent_count == 1);
                CHECK(sent[0]->offload.kind == OFFLOAD_NONE);
            }
            forget_sent();
        }
}

TEST(segments_for_a_device_with_ipv6_checksums_have_the_pseudo_headers_sum)
{
    struct network n = device(NETWORK_CHECKSUM_IPV6);

    network_write(&n, frame_of(TCP, 2500, 4000, 0, 1000));
    CHECK(sent_count == 3);
    for (size_t i = 0; i < sent_count; i++) {
        size_t len = 32 + (i < 2 ? 1000 : 500);

        CHECK(get_be16(sent[i]->data + PAYLOAD + 16) ==
              checksum_fold(pseudo_of(sent[i]->data, TCP, len)));
    }
    forget_sent();
}

TEST(ipv6_segments_that_are_too_long_with_their_headers_are_dropped)
{
    static const unsigned features[] = {0, ALL_IPV6};

    for (size_t i = 0; i < 2; i++) {
        struct network n = device(features[i]);

        /* TCP's options, which the frame has as well, are for its sender. */
        network_write(&n, frame_of(TCP, 5000, 1000, 0, 1428));
        network_write(&n, frame_of(UDP, 5000, 1000, 0, 1452));
        network_write(&n, frame_of(UDP, 5000, 1000, 8, 1436));
        CHECK(n.counters.dropped_out == 0);
        CHECK(sent_count == (i == 0 ? 12 : 3));
        forget_sent();
        network_write(&n, frame_of(TCP, 5000, 1000, 0, 1441));
        network_write(&n, frame_of(UDP, 5000, 1000, 0, 1453));
        network_write(&n, frame_of(UDP, 5000, 1000, 8, 1437));
        CHECK(sent_count == 0 && n.counters.dropped_out == 3);
    }
}

TEST(segments_that_are_too_long_with_their_tcp_options_are_dropped)
{
    struct network n = device(0);

    network_write(&n, frame_of(TCP, 5000, 1000, 0, 1429));
    CHECK(sent_count == 1 && n.counters.dropped_out == 3);
    CHECK(buf_length(sent[0]) == PAYLOAD + 32 + 5000 - 3 * 1429);
    forget_sent();
}

TEST(a_udp_checksum_of_zero_is_sent_as_ffff_over_ipv6)
{
    struct network n = device(0);
    struct buf *b = frame_of(UDP, 2, 2, 0, 0);

    put_be16(b->next->data, 0);
    put_be16(b->next->data,
             checksum_finish(checksum_add_bufs(0, b, PAYLOAD, 10)));
    network_write(&n, b);
    CHECK(sent_count == 1 && get_be16(sent[0]->data + PAYLOAD + 6) == 0xffff);
    forget_sent();
}

TEST(ipv6_frames_with_headers_that_cannot_be_cut_are_dropped_and_counted)
{
    static const struct {
        size_t at;
        uint8_t value;
    } lies[] = {
        {13, 0}, /* IPv4, by its type */
        {IP, 0x45}, /* by its version */
        {IP + 6, 58}, /* ICMPv6 */
        {IP + 6, ROUTING},
        {IP + 6, FRAGMENT},
        {PAYLOAD, FRAGMENT},
        {PAYLOAD + 1, 1}, /* options that reach into TCP's header */
        {PAYLOAD + 1, 255}, /* and beyond all */
        {PAYLOAD + 16 + 12, 0x40}, /* a TCP header of 16 bytes */
        {PAYLOAD + 16 + 12, 0xf0}, /* of 60, which are not there */
    };

    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        struct network n = device(0);
        struct buf *b = frame_of(TCP, 3000, 1000, 8, 1000);

        b->data[lies[i].at] = lies[i].value;
        network_write(&n, b);
        CHECK(sent_count == 0 && n.counters.dropped_out == 1);
        CHECK(n.counters.frames_out == 0);
        forget_sent();
    }
}

TEST(ipv6_frames_with_truncated_headers_are_not_cut)
{
    static const uint8_t protocols[] = {TCP, UDP};

    for (size_t i = 0; i < 2; i++)
        for (size_t len = ETHERNET_HEADER;; len++) {
            struct network n = device(0);
            struct buf *b = frame_of(protocols[i], 3000, 1000, 8, 1000);

            if (len == b->len) {
                buf_free(b);
                break;
            }
            b->len = len;
            network_write(&n, b);
            CHECK(sent_count == 0 && n.counters.dropped_out == 1);
            forget_sent();
        }
}

/* Whoever wrote the frame may have it in memory of just its length, where
 * AddressSanitizer sees a look beyond its end. */
static void check_bounds(struct buf *whole)
{
    for (size_t len = 1; len <= whole->len; len++) {
        struct network n = device(0);
        uint8_t *bytes = malloc(len);
        struct buf *b;

        memcpy(bytes, whole->data, len);
        b = buf_over(bytes, len, NULL, NULL);
        if (len < whole->len)
            CHECK(network_transport(b).start <= len);
        b->offload = whole->offload;
        network_write(&n, b);
        CHECK(sent_count == 0 && n.counters.dropped_out == 1);
        free(bytes);
    }
    buf_free(whole);
}

TEST(nothing_is_read_beyond_the_end_of_a_frame)
{
    check_bounds(frame_of(TCP, 0, 1, 0, 1000));
    check_bounds(frame_of(TCP, 0, 1, 16, 1000));
    check_bounds(frame_of(UDP, 0, 1, 16, 1000));
}

static void check_transport(const struct buf *b, enum offload_kind kind,
                            size_t start)
{
    struct transport t = network_transport(b);

    CHECK(t.kind == kind && t.start == start);
}

TEST(the_transport_header_is_found_behind_ipv6_options)
{
    struct buf *b = frame_of(TCP, 10, 10, 0, 0);

    check_transport(b, OFFLOAD_TCP_IPV6, PAYLOAD);
    b->len = PAYLOAD;
    check_transport(b, OFFLOAD_TCP_IPV6, PAYLOAD);
    b->len = PAYLOAD - 1;
    check_transport(b, OFFLOAD_NONE, 0);
    buf_free(b);
    b = frame_of(UDP, 10, 10, 16, 0);
    check_transport(b, OFFLOAD_UDP_IPV6, PAYLOAD + 24);
    b->len = PAYLOAD + 24;
    check_transport(b, OFFLOAD_UDP_IPV6, PAYLOAD + 24);
    b->len = PAYLOAD + 23; /* not all of the destination options */
    check_transport(b, OFFLOAD_NONE, 0);
    b->data[IP + 6] = DESTINATION; /* twice */
    b->len = PAYLOAD + 24;
    check_transport(b, OFFLOAD_UDP_IPV6, PAYLOAD + 24);
    buf_free(b);
    forget_sent();
}

TEST(ipv6_headers_of_up_to_256_bytes_are_followed)
{
    struct buf *b = frame_of(TCP, 10, 10, 184, 0);

    check_transport(b, OFFLOAD_TCP_IPV6, PAYLOAD + 192); /* 246 bytes */
    buf_free(b);
    check_cut(TCP, 3000, 1000, 184, 1000);
    b = frame_of(TCP, 10, 10, 200, 0);
    check_transport(b, OFFLOAD_NONE, 0); /* 262 bytes */
    buf_free(b);
    /* The last extension header ends beyond them, and beyond the frame. */
    b = frame_of(TCP, 10, 10, 8, 0);
    b->data[PAYLOAD + 8 + 1] = 255;
    check_transport(b, OFFLOAD_NONE, 0);
    buf_free(b);
    forget_sent();
}
