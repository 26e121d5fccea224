/* SPDX-License-Identifier: ISC */
/* virtio_net_hdr against virtio 1.2, 5.1.6, and against a host that lies. */
#include "check.h"
#include <mirage/bytes.h>
#include <mirage/checksum.h>
#include <mirage/network.h>
#include <mirage/virtio_net_hdr.h>

#define TCP       6
#define UDP       17
#define ICMP      1
#define IP        ETHERNET_HEADER
#define LAST      (IP + 20)
#define DATA      100
#define LAST_IPV6 (IP + 40)
#define HEADER    VIRTIO_NET_HDR

/* A frame of IPv4 with a transport header of zeros, in the first buf, and DATA
 * bytes in another one. */
static struct buf *frame_of(uint8_t protocol)
{
    static bool reserved;
    size_t len = LAST + (protocol == TCP ? 20 : 8);
    struct buf *b;
    uint8_t *p;

    if (!reserved)
        CHECK(buf_reserve(16) == OK);
    reserved = true;
    b = buf_new(0);
    p = buf_append(b, len);
    memset(p, 0, len);
    p[12] = 8;
    p[IP] = 0x45;
    p[IP + 9] = protocol;
    b->next = buf_new(0);
    memset(buf_append(b->next, DATA), 0x5a, DATA);
    return b;
}

/* The same of IPv6, with destination options of 8 bytes if has_options. */
static struct buf *frame_of_ipv6(uint8_t protocol, bool has_options)
{
    struct buf *b = frame_of(protocol);
    size_t longer = 20 + (has_options ? 8 : 0);
    uint8_t *p = buf_append(b, longer) - (b->len - longer);

    memset(p, 0, b->len);
    put_be16(p + 12, 0x86dd);
    p[IP] = 0x60;
    p[IP + 6] = has_options ? 60 : protocol;
    p[LAST_IPV6] = protocol; /* of the options */
    return b;
}

/* Reads the header with the frame, and keeps the offload. */
static bool reads(const uint8_t header[static HEADER], struct buf *frame,
                  struct offload *o)
{
    bool ok = virtio_net_hdr_read(header, frame);

    *o = frame->offload;
    buf_free(frame);
    CHECK(buf_pages_free() == buf_pages());
    return ok;
}

TEST(a_frame_that_asks_for_nothing_has_a_header_of_zeros)
{
    static const uint8_t zeros[HEADER];
    uint8_t h[HEADER];
    struct buf *b = frame_of(TCP);
    struct offload o;

    memset(h, 0xff, sizeof h);
    b->offload.segment = 10; /* without a kind it says nothing */
    virtio_net_hdr_write(h, b);
    CHECK(memcmp(h, zeros, sizeof h) == 0);
    CHECK(reads(zeros, b, &o));
    CHECK(o.kind == OFFLOAD_NONE && !o.csum_good && o.segment == 0);
}

TEST(requests_are_written_as_virtio_says)
{
    static const uint8_t tcp[HEADER] = {1, 1, 54, 0, 0xb4, 5, 34, 0, 16};
    static const uint8_t udp[HEADER] = {1, 5, 42, 0, 0xb4, 5, 34, 0, 6};
    static const uint8_t sum[HEADER] = {1, 0, 0, 0, 0, 0, 34, 0, 6};
    struct buf *b = frame_of(TCP);
    uint8_t h[HEADER];

    b->offload = (struct offload){
        .kind = OFFLOAD_TCP_IPV4, .csum_start = 34, .segment = 1460};
    virtio_net_hdr_write(h, b);
    CHECK(memcmp(h, tcp, sizeof h) == 0);
    buf_free(b);
    b = frame_of(UDP);
    b->offload = (struct offload){
        .kind = OFFLOAD_UDP_IPV4, .csum_start = 34, .segment = 1460};
    virtio_net_hdr_write(h, b);
    CHECK(memcmp(h, udp, sizeof h) == 0);
    b->offload.segment = 0;
    virtio_net_hdr_write(h, b);
    CHECK(memcmp(h, sum, sizeof h) == 0);
    buf_free(b);
}

TEST(requests_for_ipv6_are_written_as_virtio_says)
{
    static const uint8_t tcp[HEADER] = {1, 4, 74, 0, 0xa0, 5, 54, 0, 16};
    static const uint8_t udp[HEADER] = {1, 5, 70, 0, 0xa0, 5, 62, 0, 6};
    static const uint8_t sum[HEADER] = {1, 0, 0, 0, 0, 0, 54, 0, 16};
    struct buf *b = frame_of_ipv6(TCP, false);
    uint8_t h[HEADER];

    b->offload = (struct offload){
        .kind = OFFLOAD_TCP_IPV6, .csum_start = 54, .segment = 1440};
    virtio_net_hdr_write(h, b);
    CHECK(memcmp(h, tcp, sizeof h) == 0);
    b->offload.segment = 0;
    virtio_net_hdr_write(h, b);
    CHECK(memcmp(h, sum, sizeof h) == 0);
    buf_free(b);
    b = frame_of_ipv6(UDP, true);
    b->offload = (struct offload){
        .kind = OFFLOAD_UDP_IPV6, .csum_start = 62, .segment = 1440};
    virtio_net_hdr_write(h, b);
    CHECK(memcmp(h, udp, sizeof h) == 0);
    buf_free(b);
}

TEST(what_is_written_of_ipv6_is_read_again)
{
    static const enum offload_kind kinds[] = {OFFLOAD_TCP_IPV6,
                                              OFFLOAD_UDP_IPV6};

    for (size_t i = 0; i < 2; i++)
        for (uint16_t segment = 0; segment < 3; segment++)
            for (int options = 0; options < 2; options++) {
                struct buf *b = frame_of_ipv6(i == 0 ? TCP : UDP, options);
                uint16_t start = LAST_IPV6 + (options ? 8 : 0);
                uint8_t h[HEADER];
                struct offload o;

                b->offload = (struct offload){.kind = kinds[i],
                                              .csum_start = start,
                                              .segment = segment};
                virtio_net_hdr_write(h, b);
                CHECK(reads(h, b, &o));
                CHECK(o.kind == kinds[i] && o.csum_start == start);
                CHECK(o.segment == segment && o.csum_good);
            }
}

TEST(what_is_written_is_read_again)
{
    static const uint8_t protocol[] = {TCP, UDP};

    for (int i = 0; i < 2; i++)
        for (uint16_t segment = 0; segment < 3; segment++) {
            struct buf *b = frame_of(protocol[i]);
            uint8_t h[HEADER];
            struct offload o;

            b->offload = (struct offload){
                .kind = i ? OFFLOAD_UDP_IPV4 : OFFLOAD_TCP_IPV4,
                .csum_start = LAST,
                .segment = segment};
            virtio_net_hdr_write(h, b);
            CHECK(reads(h, b, &o));
            CHECK(o.kind == (i ? OFFLOAD_UDP_IPV4 : OFFLOAD_TCP_IPV4));
            CHECK(o.csum_start == LAST && o.segment == segment);
            CHECK(o.csum_good);
        }
}

TEST(a_checksum_that_the_host_has_checked_is_good_and_not_to_be_filled_in)
{
    static const uint8_t valid[HEADER] = {2};
    static const uint8_t unknown[HEADER] = {4}; /* RSC_INFO, or others */
    struct offload o;

    CHECK(reads(valid, frame_of(TCP), &o));
    CHECK(o.csum_good && o.kind == OFFLOAD_NONE);
    CHECK(reads(unknown, frame_of(TCP), &o));
    CHECK(!o.csum_good && o.kind == OFFLOAD_NONE);
}

TEST(joined_segments_must_be_of_the_protocol_that_the_header_names)
{
    static const struct {
        uint8_t gso, protocol;
        uint16_t size;
        bool is_good;
    } cases[] = {
        {1, TCP, 100, true},
        {5, UDP, 100, true},
        {1, UDP, 100, false},
        {5, TCP, 100, false},
        {1, ICMP, 100, false},
        {1, TCP, 0, false}, /* of no bytes */
        {0x81, TCP, 100, false}, /* with ECN */
        {4, TCP, 100, false}, /* over IPv6 */
        {4, UDP, 100, false},
        {0xff, TCP, 100, false},
        {3, UDP, 100, false}, /* fragments */
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t h[HEADER] = {2, cases[i].gso};
        struct offload o;

        put_le16(h + 4, cases[i].size);
        CHECK(reads(h, frame_of(cases[i].protocol), &o) == cases[i].is_good);
        if (cases[i].is_good)
            CHECK(o.segment == 100 && o.csum_good && o.kind == OFFLOAD_NONE);
    }
}

TEST(joined_segments_of_ipv6_must_be_of_the_kind_that_the_header_names)
{
    static const struct {
        uint8_t gso, protocol;
        uint16_t size;
        bool is_good;
    } cases[] = {
        {4, TCP, 100, true},
        {5, UDP, 100, true},
        {4, UDP, 100, false},
        {5, TCP, 100, false},
        {1, TCP, 100, false}, /* over IPv4 */
        {4, 58, 100, false}, /* ICMPv6 */
        {4, TCP, 0, false}, /* of no bytes */
        {0x84, TCP, 100, false}, /* with ECN */
        {3, UDP, 100, false}, /* fragments */
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int options = 0; options < 2; options++) {
            uint8_t h[HEADER] = {2, cases[i].gso};
            struct offload o;

            put_le16(h + 4, cases[i].size);
            CHECK(reads(h, frame_of_ipv6(cases[i].protocol, options), &o) ==
                  cases[i].is_good);
            if (cases[i].is_good)
                CHECK(o.segment == 100 && o.csum_good &&
                      o.kind == OFFLOAD_NONE);
        }
}

TEST(joined_segments_of_ipv6_with_headers_that_lie_are_refused)
{
    static const struct {
        size_t at;
        uint8_t value;
    } lies[] = {
        {13, 0}, /* IPv4, by its type */
        {IP, 0x45}, /* by its version */
        {IP + 6, 43}, /* a routing header */
        {IP + 6, 44}, /* a fragment's */
        {LAST_IPV6 + 1, 4}, /* options that are longer than the first buf */
    };

    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        uint8_t h[HEADER] = {1, 4, 0, 0, 100, 0, LAST_IPV6 + 8, 0, 16};
        struct buf *b = frame_of_ipv6(TCP, true);
        struct offload o;

        b->data[lies[i].at] = lies[i].value;
        CHECK(!reads(h, b, &o));
    }
}

TEST(an_ipv6_checksum_elsewhere_than_in_its_header_is_filled_in_or_a_lie)
{
    uint8_t h[HEADER] = {1, 0, 0, 0, 100, 0, LAST_IPV6, 0, 6};
    struct offload o;

    CHECK(reads(h, frame_of_ipv6(TCP, false), &o));
    CHECK(o.kind == OFFLOAD_NONE && o.csum_good && o.segment == 0);
    put_le16(h + 8, 16); /* where TCP would have it without options */
    CHECK(reads(h, frame_of_ipv6(TCP, true), &o));
    CHECK(o.kind == OFFLOAD_NONE && o.csum_good);
    h[1] = 4;
    CHECK(!reads(h, frame_of_ipv6(TCP, true), &o));
    put_le16(h + 8, 19); /* beyond the header of 20 bytes */
    h[1] = 0;
    CHECK(!reads(h, frame_of_ipv6(TCP, false), &o));
}

TEST(a_checksum_of_another_protocol_is_filled_in_on_receipt)
{
    uint8_t h[HEADER] = {1, 0, 0, 0, 0, 0, LAST, 0, 2}, flat[LAST + 8 + DATA];
    struct buf *b = frame_of(ICMP);

    CHECK(virtio_net_hdr_read(h, b));
    CHECK(b->offload.kind == OFFLOAD_NONE && b->offload.csum_good);
    CHECK(get_be16(b->data + LAST + 2) != 0);
    buf_copy_out(b, 0, flat, sizeof flat);
    CHECK(checksum_finish(checksum_add(0, flat + LAST, 8 + DATA)) == 0);
    buf_free(b);
}

TEST(a_checksum_beyond_the_first_buf_is_a_lie)
{
    static const struct {
        uint16_t start, offset;
    } lies[] = {
        {LAST, 7},
        {LAST + 7, 0},
        {65535, 65535},
        {0, 65535},
        {65535, 0},
        {LAST, LAST},
    };

    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        uint8_t h[HEADER] = {1};
        struct offload o;

        put_le16(h + 6, lies[i].start);
        put_le16(h + 8, lies[i].offset);
        CHECK(!reads(h, frame_of(UDP), &o));
    }
}

TEST(joined_segments_whose_checksum_lies_elsewhere_are_a_lie)
{
    uint8_t h[HEADER] = {1, 1, 0, 0, 100, 0, LAST, 0, 6};
    struct offload o;

    CHECK(!reads(h, frame_of(TCP), &o));
}

TEST(frames_that_are_not_what_their_type_says_have_no_transport_header)
{
    static const struct {
        size_t at;
        uint8_t value;
    } changes[] = {
        {12, 0x86}, /* of another type */
        {IP, 0x65}, /* of another version */
        {IP, 0x44}, /* a header shorter than IPv4's */
        {IP + 9, ICMP},
    };
    uint8_t h[HEADER] = {1, 0, 0, 0, 0, 0, LAST, 0, 16};

    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct buf *b = frame_of(TCP);
        struct offload o;

        b->data[changes[i].at] = changes[i].value;
        CHECK(reads(h, b, &o) && o.kind == OFFLOAD_NONE && o.csum_good);
    }
}

TEST(a_checksum_may_end_where_the_first_buf_does)
{
    uint8_t h[HEADER] = {1, 0, 0, 0, 0, 0, LAST, 0, 6};
    struct buf *b = frame_of(ICMP);

    CHECK(virtio_net_hdr_read(h, b));
    CHECK(b->offload.kind == OFFLOAD_NONE && b->offload.csum_good);
    CHECK(get_be16(b->data + LAST + 6) != 0);
    buf_free(b);
    h[8] = 7;
    b = frame_of(ICMP);
    CHECK(!virtio_net_hdr_read(h, b));
    buf_free(b);
}
