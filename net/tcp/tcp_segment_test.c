/* SPDX-License-Identifier: ISC */
/* Parsing and emitting TCP headers. */
#include "check.h"
#include "tcp_segment.h"

TEST(a_syn_from_linux_is_parsed)
{
    static const uint8_t p[] = {
        0xd4, 0x31, 0x1f, 0x90, 0x01, 0x02, 0x03, 0x04, 0, 0, 0, 0,
        0xa0, 0x02, 0xfa, 0xf0, 0, 0, 0, 0, 2, 4, 0x05, 0xb4,
        4, 2, 8, 10, 0, 0, 0, 7, 0, 0, 0, 9,
        1, 3, 3, 7};
    struct tcp_segment s;
    uint8_t again[TCP_MOST];

    CHECK(tcp_parse(p, sizeof p, &s));
    CHECK(s.from == 54321 && s.to == 8080 && s.seq == 0x01020304);
    CHECK(s.flags == TCP_SYN && s.window == 64240 && s.header == 40);
    CHECK(s.has_mss && s.mss == 1460 && s.may_sack);
    CHECK(s.has_scale && s.scale == 7);
    CHECK(s.has_timestamps && s.time == 7 && s.echo == 9);
    CHECK(tcp_emit(&s, again) == sizeof p);
    CHECK(memcmp(again, p, sizeof p) == 0);
}

TEST(options_with_a_wrong_length_are_refused)
{
    static const uint8_t faults[][4] = {
        {2, 0, 0, 0}, {2, 1, 0, 0}, {8, 10, 0, 0}, {1, 1, 1, 2}, {3, 5, 0, 0}};
    struct tcp_segment s;

    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        uint8_t p[24] = {0, 1, 0, 2, [12] = 0x60, TCP_SYN};

        memcpy(p + 20, faults[i], 4);
        CHECK(!tcp_parse(p, sizeof p, &s));
    }
}

TEST(options_of_unknown_kinds_are_skipped)
{
    static const uint8_t p[] = {0, 1, 0, 2, 0, 0, 0, 0, 0, 0,
                                0, 0, 0x80, TCP_SYN, 0, 0, 0, 0, 0, 0,
                                1, 254, 4, 0, 0, 2, 4, 2, 0x18, 0,
                                0, 0};
    struct tcp_segment s;

    CHECK(tcp_parse(p, sizeof p, &s));
    CHECK(s.has_mss && s.mss == 0x218);
}

TEST(malformed_headers_are_refused)
{
    struct tcp_segment s;
    uint8_t p[20] = {0, 1, 0, 2, [12] = 0x50};

    CHECK(tcp_parse(p, 20, &s));
    CHECK(!tcp_parse(p, 19, &s));
    p[12] = 0x40;
    CHECK(!tcp_parse(p, 20, &s));
    p[12] = 0x60;
    CHECK(!tcp_parse(p, 20, &s));
    p[12] = 0x50;
    p[1] = 0;
    CHECK(!tcp_parse(p, 20, &s));
}

TEST(syn_options_are_ignored_in_other_segments)
{
    uint8_t p[24] = {0, 1, 0, 2, [12] = 0x60, TCP_ACK};
    struct tcp_segment s;

    memcpy(p + 20, "\x02\x04\x05\xb4", 4);
    CHECK(tcp_parse(p, sizeof p, &s) && !s.has_mss);
}

TEST(options_are_read_in_segments_of_any_kind)
{
    static const uint8_t flags[] = {TCP_SYN, TCP_ACK, TCP_FIN, TCP_RST, 0};
    struct tcp_segment s;

    for (size_t i = 0; i < sizeof flags; i++) {
        uint8_t p[32] = {0, 1, 0, 2, [12] = 0x80, flags[i]};

        memcpy(p + 20, "\x01\x01\x08\x0a\0\0\0\5\0\0\0\6", 12);
        CHECK(tcp_parse(p, sizeof p, &s) && s.has_timestamps);
        CHECK(s.time == 5 && s.echo == 6);
    }
}

TEST(nothing_is_read_after_the_end_of_the_options)
{
    uint8_t p[28] = {0, 1, 0, 2, [12] = 0x70, TCP_SYN};
    struct tcp_segment s;

    memcpy(p + 20, "\0\x02\x04\x05\xb4\x02\x09\x09", 8);
    CHECK(tcp_parse(p, sizeof p, &s) && !s.has_mss);
}

TEST(a_window_scale_above_14_is_14)
{
    uint8_t p[24] = {0, 1, 0, 2, [12] = 0x60, TCP_SYN};
    struct tcp_segment s;

    for (unsigned scale = 13; scale < 256; scale++) {
        memcpy(p + 20, "\x01\x03\x03", 3);
        p[23] = (uint8_t)scale;
        CHECK(tcp_parse(p, sizeof p, &s) && s.has_scale);
        CHECK(s.scale == (scale < 14 ? scale : 14));
    }
}

TEST(emitted_headers_are_parsed_to_the_same_segment)
{
    for (int bits = 0; bits < 16; bits++) {
        struct tcp_segment a = {.from = 80,
                                .to = 4000,
                                .seq = 0xfffffff0,
                                .ack = 77,
                                .flags = TCP_SYN | TCP_ACK,
                                .window = 65535},
                           b;
        uint8_t p[TCP_MOST];

        if ((a.has_mss = bits & 1))
            a.mss = 1400;
        if ((a.has_scale = bits & 2))
            a.scale = 9;
        if ((a.has_timestamps = bits & 4)) {
            a.time = 123456789;
            a.echo = 987654321;
        }
        a.may_sack = bits & 8;
        a.header = tcp_emit(&a, p);
        CHECK(a.header % 4 == 0 && tcp_parse(p, a.header, &b));
        CHECK(memcmp(&a, &b, sizeof a) == 0);
    }
}

TEST(sack_blocks_that_fit_are_emitted_and_parsed)
{
    for (int bits = 0; bits < 10; bits++) {
        struct tcp_segment a = {.from = 80, .to = 4000, .flags = TCP_ACK}, b;
        uint8_t p[TCP_MOST];

        a.has_timestamps = bits >= 5;
        a.sack_count = (uint8_t)(bits % 5 - (bits == 9));
        for (uint32_t i = 0; i < a.sack_count; i++)
            a.sack[i] = (struct tcp_range){0xffffff00 + i, 0xffffff80 + i};
        a.header = tcp_emit(&a, p);
        CHECK(a.header <= TCP_MOST && tcp_parse(p, a.header, &b));
        CHECK(memcmp(&a, &b, sizeof a) == 0);
    }
}

TEST(a_truncated_sack_block_is_ignored)
{
    uint8_t p[36] = {0, 1, 0, 2, [12] = 0x90, TCP_ACK};
    struct tcp_segment s;

    memcpy(p + 20, "\x05\x0c\0\0\0\1\0\0\0\2\0\0", 12);
    CHECK(tcp_parse(p, sizeof p, &s) && s.sack_count == 0);
}

TEST(sequence_numbers_wrap)
{
    CHECK(seq_before(0xffffffff, 0) && seq_after(0, 0xffffffff));
    CHECK(seq_before(5, 6) && !seq_before(6, 6) && !seq_after(6, 6));
    CHECK(seq_before(0x80000001, 0) && seq_after(0x7fffffff, 0));
}
