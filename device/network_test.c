/* SPDX-License-Identifier: ISC */
/* The front of network devices: offloads in software, limits, the listener. */
#include "check.h"
#include "kept_frames.h"
#include <mirage/bytes.h>
#include <mirage/checksum.h>
#include <mirage/network.h>

#define IP ETHERNET_HEADER
#define ID 0xfffe

/*
 * A frame of TCP or UDP with len data bytes, which lie in bufs of piece bytes,
 * and options bytes of options in its IP header and in TCP's. It asks for its
 * checksum; segment stands in its offload.
 */
static struct buf *frame_of(uint8_t protocol, size_t len, size_t piece,
                            size_t options, uint16_t segment)
{
    size_t header = protocol == TCP ? 20 + options : 8;
    size_t at = IP + 20 + options;
    struct buf *b = buf_new(0);
    uint8_t *p = buf_append(b, at + header);

    memset(p, 0, at + header);
    p[12] = 0x08;
    p[IP] = (uint8_t)(0x40 | (20 + options) / 4);
    put_be16(p + IP + 2, (uint16_t)(at + header + len - IP));
    put_be16(p + IP + 4, ID);
    p[IP + 8] = 64;
    p[IP + 9] = protocol;
    put_be32(p + IP + 12, 0x0a000001);
    put_be32(p + IP + 16, 0x0a000002);
    memset(p + IP + 20, 1, options);
    put_be16(p + IP + 10, checksum_finish(checksum_add(0, p + IP, at - IP)));
    return add_transport(
        b, at, header,
        checksum_pseudo(ipv4_address(10, 0, 0, 1), ipv4_address(10, 0, 0, 2),
                        protocol, header + len),
        len, piece,
        (struct offload){.kind = protocol == TCP ? OFFLOAD_TCP_IPV4
                                                 : OFFLOAD_UDP_IPV4,
                         .segment = segment});
}

/* Copies the frame to flat, and checks the lengths and checksums of its
 * headers. Returns the offset of its data. */
static size_t check_frame(const struct buf *frame)
{
    size_t len = buf_length(frame), at, data;

    buf_copy_out(frame, 0, flat, len);
    at = IP + 4 * (flat[IP] & 15u);
    data = at + (flat[IP + 9] == TCP ? 4 * (flat[at + 12] >> 4u) : 8u);
    CHECK(frame->offload.kind == OFFLOAD_NONE &&
          frame->offload.segment == 0 && frame->offload.csum_start == 0);
    CHECK(get_be16(flat + IP + 2) == len - IP);
    CHECK(checksum_finish(checksum_add(0, flat + IP, at - IP)) == 0);
    if (flat[IP + 9] == UDP)
        CHECK(get_be16(flat + at + 4) == len - at);
    CHECK(checksum_finish(checksum_add(
              checksum_pseudo(ipv4_of_number(get_be32(flat + IP + 12)),
                              ipv4_of_number(get_be32(flat + IP + 16)),
                              flat[IP + 9], len - at),
              flat + at, len - at)) == 0);
    return data;
}

TEST(a_checksum_that_the_device_lacks_is_filled_in)
{
    static const uint8_t protocol[] = {TCP, UDP};
    static const size_t piece[] = {1, 3, 64, 101, 1400};
    struct network n = device(0);

    for (int i = 0; i < 2; i++)
        for (size_t len = 0; len < 140; len++)
            for (size_t j = 0; j < 5; j++) {
                size_t data;

                network_write(&n,
                              frame_of(protocol[i], len, piece[j], 0, 0));
                CHECK(sent_count == 1);
                data = check_frame(sent[0]);
                for (size_t k = 0; k < len; k++)
                    if (flat[data + k] != letter(k)) {
                        CHECK(flat[data + k] == letter(k));
                        break;
                    }
                forget_sent();
            }
    CHECK(n.counters.frames_out == 2 * 140 * 5);
    CHECK(n.counters.dropped_out == 0);
}

TEST(a_sum_of_zero_is_sent_as_ffff)
{
    struct network n = device(0);
    struct buf *b = frame_of(UDP, 2, 2, 0, 0);
    uint64_t sum;

    /* Choose data so that the sum is ffff. */
    put_be16(b->next->data, 0);
    sum = checksum_add_bufs(0, b, 34, 10);
    put_be16(b->next->data, checksum_finish(sum));
    network_write(&n, b);
    CHECK(sent_count == 1 && get_be16(sent[0]->data + 40) == 0xffff);
    check_frame(sent[0]);
    forget_sent();
}

TEST(a_frame_that_asks_for_nothing_is_sent_as_it_is)
{
    struct network n = device(0);
    struct buf *b = frame_of(UDP, 100, 64, 0, 0);

    b->offload = (struct offload){0};
    put_be16(b->data + 40, 0x1234);
    network_write(&n, b);
    CHECK(sent_count == 1 && sent[0] == b);
    CHECK(get_be16(b->data + 40) == 0x1234);
    CHECK(n.counters.frames_out == 1 && n.counters.bytes_out == 142);
    forget_sent();
}

TEST(a_device_that_can_do_it_gets_the_frame_untouched)
{
    static const struct {
        uint8_t protocol;
        uint16_t segment;
        unsigned features;
    } cases[] = {
        {TCP, 0, NETWORK_CHECKSUM},
        {UDP, 0, NETWORK_CHECKSUM},
        {TCP, 1000, NETWORK_CHECKSUM | NETWORK_TCP_SEGMENTS},
        {UDP, 1000, NETWORK_CHECKSUM | NETWORK_UDP_SEGMENTS},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct network n = device(cases[i].features);
        size_t len = cases[i].segment ? 5000 : 900;
        struct buf *b = frame_of(cases[i].protocol, len, 1000, 0,
                                 cases[i].segment);
        struct offload asked = b->offload;
        size_t total = buf_length(b);
        static uint8_t before[6000];

        buf_copy_out(b, 0, before, total);
        network_write(&n, b);
        CHECK(sent_count == 1 && sent[0] == b && buf_length(b) == total);
        CHECK(memcmp(&b->offload, &asked, sizeof asked) == 0);
        buf_copy_out(b, 0, flat, total);
        CHECK(memcmp(flat, before, total) == 0);
        forget_sent();
    }
}

/* Sends len bytes in segments of `most`, and checks each. */
static void cut(uint8_t protocol, size_t len, size_t piece, size_t options,
                uint16_t most)
{
    struct network n = device(0);
    size_t done = 0, count = (len + most - 1) / most;

    network_write(&n, frame_of(protocol, len, piece, options, most));
    CHECK(sent_count == count && n.counters.frames_out == count);
    for (size_t i = 0; i < sent_count; i++) {
        size_t data = check_frame(sent[i]), have;
        size_t at = IP + 20 + options;
        bool is_last = i + 1 == count;
        uint8_t flags = (uint8_t)(ACK | (i == 0 ? CWR : 0) |
                                  (is_last ? FIN | PSH : 0));

        have = buf_length(sent[i]) - data;
        CHECK(have == (is_last ? len - done : most));
        CHECK(get_be16(flat + IP + 4) == (uint16_t)(ID + i));
        CHECK(get_be16(flat + at) == 1000 && get_be16(flat + at + 2) == 2000);
        if (protocol == TCP) {
            CHECK(get_be32(flat + at + 4) == (uint32_t)(SEQ + done));
            CHECK(flat[at + 13] == flags);
        }
        for (size_t k = 0; k < have; k++)
            if (flat[data + k] != letter(done + k)) {
                CHECK(flat[data + k] == letter(done + k));
                break;
            }
        done += have;
    }
    CHECK(done == len && n.counters.dropped_out == 0);
    CHECK(n.counters.bytes_out ==
          len + count * (IP + 20 + options +
                         (protocol == TCP ? 20 + options : 8)));
    forget_sent();
}

TEST(segments_are_cut_where_the_device_cannot)
{
    static const size_t len[] = {1, 999, 1000, 1001, 2000, 2001, 7777};

    for (size_t i = 0; i < sizeof len / sizeof *len; i++)
        for (size_t options = 0; options <= 40; options += 20) {
            cut(TCP, len[i], 4000, options, 1000);
            cut(TCP, len[i], 333, options, 999);
            cut(UDP, len[i], 4000, options, 1000);
            cut(UDP, len[i], 333, options, 999);
        }
    cut(TCP, 65535 - 40, 4000, 0, 1460);
    cut(UDP, 65535 - 28, 4000, 0, 1472);
    cut(TCP, 60, 7, 0, 1);
}

TEST(segments_for_a_device_with_checksums_ask_it_for_theirs)
{
    struct network n = device(NETWORK_CHECKSUM);

    network_write(&n, frame_of(TCP, 2500, 4000, 0, 1000));
    CHECK(sent_count == 3);
    for (size_t i = 0; i < sent_count; i++) {
        struct offload *o = &sent[i]->offload;
        size_t len = i < 2 ? 1000 : 500;

        CHECK(o->csum_start == 34 && o->kind == OFFLOAD_TCP_IPV4 &&
              !o->segment);
        CHECK(get_be16(sent[i]->data + 34 + 16) ==
              checksum_fold(checksum_pseudo(ipv4_address(10, 0, 0, 1),
                                            ipv4_address(10, 0, 0, 2), TCP,
                                            20 + len)));
    }
    forget_sent();
}

TEST(frames_that_cannot_be_sent_are_dropped_and_counted)
{
    struct network n = device(0);
    struct buf *b;

    b = buf_new(0);
    buf_append(b, ETHERNET_HEADER - 1);
    network_write(&n, b);
    network_write(&n, buf_new(0));
    CHECK(sent_count == 0 && n.counters.dropped_out == 2);
    network_write(&n, frame_of(UDP, 1500 - 28 + 1, 4000, 0, 0));
    CHECK(sent_count == 0 && n.counters.dropped_out == 3);
    network_write(&n, frame_of(UDP, 1500 - 28, 4000, 0, 0));
    CHECK(sent_count == 1 && n.counters.dropped_out == 3);
    network_write(&n, frame_of(TCP, NETWORK_FRAME - 54 + 1, 4000, 0, 1000));
    CHECK(sent_count == 1 && n.counters.dropped_out == 4);
    n.up = false;
    network_write(&n, frame_of(UDP, 10, 10, 0, 0));
    network_write(&n, frame_of(TCP, 10000, 4000, 0, 1000));
    CHECK(sent_count == 1 && n.counters.dropped_out == 6);
    CHECK(n.counters.frames_out == 1);
    forget_sent();
}

TEST(segments_that_are_too_long_with_their_headers_are_dropped)
{
    for (unsigned i = 0; i < 2; i++) {
        struct network n = device(i ? NETWORK_CHECKSUM | NETWORK_TCP_SEGMENTS |
                                          NETWORK_UDP_SEGMENTS
                                    : 0);

        network_write(&n, frame_of(TCP, 5000, 1000, 0, 1460));
        CHECK(sent_count == (i ? 1 : 4) && n.counters.dropped_out == 0);
        network_write(&n, frame_of(UDP, 5000, 1000, 0, 1472));
        CHECK(sent_count == (i ? 2 : 8) && n.counters.dropped_out == 0);
        forget_sent();
        network_write(&n, frame_of(TCP, 5000, 1000, 0, 1461));
        network_write(&n, frame_of(UDP, 5000, 1000, 0, 1473));
        CHECK(sent_count == 0 && n.counters.dropped_out >= 2);
        network_write(&n, frame_of(TCP, 1460, 1000, 0, 1461));
        CHECK(sent_count == 1);
        forget_sent();
    }
}

TEST(a_checksum_field_beyond_the_headers_is_refused)
{
    static const struct {
        enum offload_kind kind;
        uint16_t start;
    } lies[] = {
        {OFFLOAD_UDP_IPV4, 35},
        {OFFLOAD_UDP_IPV4, 36},
        {OFFLOAD_UDP_IPV4, 42},
        {OFFLOAD_UDP_IPV4, 60000},
        {OFFLOAD_UDP_IPV4, 65535},
        {OFFLOAD_TCP_IPV4, 34},
    };
    struct network n = device(0);

    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        struct buf *b = frame_of(UDP, 100, 50, 0, 0);

        b->offload.csum_start = lies[i].start;
        b->offload.kind = lies[i].kind;
        network_write(&n, b);
        CHECK(sent_count == 0 && n.counters.dropped_out == i + 1);
        forget_sent();
    }
}

TEST(only_tcp_and_udp_over_ipv4_are_cut_into_segments)
{
    static const struct {
        size_t at;
        uint8_t value;
    } lies[] = {
        {12, 0x86}, /* another EtherType */
        {IP, 0x65}, /* another version */
        {IP, 0x44}, /* a header of 16 bytes */
        {IP, 0x4f}, /* one of 60, which are not there */
        {IP + 9, 1}, /* another protocol */
        {IP + 32, 0xf0}, /* a TCP header of 60 bytes, which are not there */
        {IP + 32, 0x00}, /* of none */
        {IP + 32, 0x20}, /* of 8 bytes: no checksum would be in it */
        {IP + 32, 0x40}}; /* of 16 */
    static const unsigned features[] = {0, NETWORK_CHECKSUM};

    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++)
        for (int j = 0; j < 2; j++) {
            struct network n = device(features[j]);
            struct buf *b = frame_of(TCP, 100, 50, 0, 100);

            b->data[lies[i].at] = lies[i].value;
            network_write(&n, b);
            CHECK(sent_count == 0 && n.counters.dropped_out == 1);
            CHECK(n.counters.frames_out == 0);
            forget_sent();
        }
}

TEST(frames_with_truncated_headers_are_not_cut_into_segments)
{
    for (size_t len = ETHERNET_HEADER; len < 54; len++) {
        struct network n = device(0);
        struct buf *b = frame_of(TCP, 100, 50, 0, 100);

        b->len = len;
        network_write(&n, b);
        CHECK(sent_count == 0 && n.counters.dropped_out == 1);
        forget_sent();
    }
}

TEST(segments_without_data_are_counted_as_dropped)
{
    struct network n = device(0);

    network_write(&n, frame_of(TCP, 0, 1, 0, 1000));
    CHECK(sent_count == 0 && n.counters.dropped_out == 1);
    forget_sent();
}

TEST(an_empty_pool_loses_segments_and_counts_them)
{
    static struct buf *taken[256];
    struct network n = device(0);
    struct buf *b = frame_of(TCP, 4000, 4000, 0, 1000);
    size_t count = 0;

    while (buf_pages_free() > 2)
        taken[count++] = buf_new(0);
    network_write(&n, b);
    CHECK(sent_count == 2 && n.counters.dropped_out == 2);
    while (count > 0)
        buf_free(taken[--count]);
    forget_sent();
}

static size_t heard_count;

static void hear(void *ctx, struct buf *const *frames, size_t count)
{
    *(size_t *)ctx += count;
    for (size_t i = 0; i < count; i++)
        buf_free(frames[i]);
}

static size_t other_count;

static struct buf *frame_of_len(size_t len)
{
    struct buf *first = buf_new(0);

    for (struct buf *last = first; len > 0; last = last->next) {
        size_t n = len < PAGE_BYTES ? len : PAGE_BYTES;

        memset(buf_append(last, n), 0, n);
        len -= n;
        if (len > 0)
            last->next = buf_new(0);
    }
    return first;
}

TEST(the_latest_listener_gets_what_arrives)
{
    struct network n = device(0);
    struct buf *b = buf_new(0);

    network_listen(&n, hear, &heard_count);
    network_deliver(&n, &b, 1); /* an empty frame */
    CHECK(heard_count == 0 && n.counters.dropped_in == 1);
    b = frame_of_len(60);
    network_deliver(&n, &b, 1);
    CHECK(heard_count == 1);
    network_listen(&n, hear, &other_count);
    b = frame_of_len(60);
    network_deliver(&n, &b, 1);
    CHECK(heard_count == 1 && other_count == 1);
    forget_sent();
}

TEST(frames_that_are_too_short_or_too_long_do_not_arrive)
{
    static const size_t lengths[] = {1, 13, 14,
                                     1514, 65549, 65550,
                                     14, 70000, NETWORK_FRAME};
    struct network n = device(0);
    struct buf *b[sizeof lengths / sizeof *lengths];

    heard_count = 0;
    network_listen(&n, hear, &heard_count);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        b[i] = frame_of_len(lengths[i]);
    network_deliver(&n, b, sizeof lengths / sizeof *lengths);
    CHECK(heard_count == 5 && n.counters.dropped_in == 4);
    forget_sent();
}

static struct network *disconnected;

static void note_disconnect(struct network *n)
{
    disconnected = n;
}

TEST(a_device_that_is_disconnected_has_no_listener)
{
    static const struct network_ops with_end = {.write = keep_frame,
                                                .disconnect = note_disconnect};
    struct network n = device(0);
    struct buf *b = frame_of_len(60);

    n.ops = &with_end;
    heard_count = 0;
    network_listen(&n, hear, &heard_count);
    network_disconnect(&n);
    CHECK(disconnected == &n);
    network_deliver(&n, &b, 1);
    CHECK(heard_count == 0 && n.counters.dropped_in == 1);
    forget_sent();
}

TEST(received_frames_are_counted)
{
    struct network n = device(0);
    struct buf *b[] = {frame_of_len(60), frame_of_len(100), frame_of_len(5)};

    network_deliver(&n, b, 1);
    CHECK(n.counters.frames_in == 0 && n.counters.dropped_in == 1);
    b[0] = frame_of_len(60);
    network_listen(&n, hear, &heard_count);
    network_deliver(&n, b, 3);
    CHECK(n.counters.frames_in == 2 && n.counters.bytes_in == 160);
    CHECK(n.counters.dropped_in == 2);
    forget_sent();
}

static bool has_transport(const struct buf *b, enum offload_kind kind,
                          uint16_t start)
{
    struct transport t = network_transport(b);

    return t.kind == kind && t.start == start;
}

TEST(the_transport_header_is_found_by_the_ip_header)
{
    struct buf *b = frame_of(TCP, 10, 10, 0, 0);

    CHECK(has_transport(b, OFFLOAD_TCP_IPV4, 34));
    buf_free(b);
    b = frame_of(UDP, 10, 10, 40, 0);
    CHECK(has_transport(b, OFFLOAD_UDP_IPV4, 74));
    b->data[IP] = 0x4e; /* options of 36 bytes */
    CHECK(has_transport(b, OFFLOAD_UDP_IPV4, 70));
    b->data[IP] = 0x44;
    CHECK(network_transport(b).kind == OFFLOAD_NONE);
    b->data[IP] = 0x6f;
    CHECK(network_transport(b).kind == OFFLOAD_NONE);
    b->data[IP] = 0x45;
    b->data[IP + 9] = 1;
    CHECK(network_transport(b).kind == OFFLOAD_NONE);
    b->data[IP + 9] = TCP;
    b->data[13] = 6; /* ARP */
    CHECK(network_transport(b).kind == OFFLOAD_NONE);
    b->data[13] = 0;
    b->len = 33;
    CHECK(network_transport(b).kind == OFFLOAD_NONE);
    b->len = 34;
    CHECK(has_transport(b, OFFLOAD_TCP_IPV4, 34));
    buf_free(b);
    forget_sent();
}

TEST(a_frame_that_is_to_be_cut_is_cut_though_it_asks_for_no_checksum)
{
    struct network n = device(NETWORK_CHECKSUM | NETWORK_TCP_SEGMENTS |
                              NETWORK_UDP_SEGMENTS);
    struct buf *b = frame_of(TCP, 2500, 1000, 0, 1000);

    b->offload.kind = OFFLOAD_NONE;
    network_write(&n, b);
    CHECK(sent_count == 3);
    forget_sent();
}

TEST(a_segment_without_windows_on_its_data_is_lost_and_leaves_nothing_behind)
{
    struct network n = device(0);
    struct buf *b = frame_of(TCP, 2000, 4000, 0, 1000), *page = buf_new(0);
    struct buf *taken = NULL, *one;

    for (struct buf *w; (w = buf_share(page, 0, 0)) != NULL; taken = w)
        w->next = taken;
    one = taken; /* for the headers of a segment, and not for its data */
    taken = taken->next;
    one->next = NULL;
    buf_free(one);
    network_write(&n, b);
    CHECK(sent_count == 0 && n.counters.dropped_out == 2);
    buf_free(taken);
    buf_free(page);
    forget_sent();
}

TEST(a_batch_of_the_longest_length_arrives_whole)
{
    struct network n = device(0);
    struct buf *b[NETWORK_BATCH];

    heard_count = 0;
    network_listen(&n, hear, &heard_count);
    for (size_t i = 0; i < NETWORK_BATCH; i++)
        b[i] = frame_of_len(60);
    network_deliver(&n, b, NETWORK_BATCH);
    CHECK(heard_count == 64 && n.counters.frames_in == 64);
    forget_sent();
}
