/* SPDX-License-Identifier: ISC */
/* The Internet checksum, against a plain implementation of RFC 1071. */
#include "check.h"
#include <mirage.h>
#include <mirage/checksum.h>

/* The checksum word by word (RFC 1071, 1). */
static uint16_t plain(const uint8_t *p, size_t len)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < len; i++)
        sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

/* In one's complement zero has two representations. */
static bool same(uint16_t a, uint16_t b)
{
    return a == b || (a % 0xffff == 0 && b % 0xffff == 0);
}

TEST(the_sum_is_that_of_rfc_1071)
{
    static const uint8_t data[] = {0x00, 0x01, 0xf2, 0x03,
                                   0xf4, 0xf5, 0xf6, 0xf7};

    CHECK(checksum_fold(checksum_add(0, data, sizeof data)) == 0xddf2);
    CHECK(checksum_finish(checksum_add(0, data, sizeof data)) == 0x220d);
}

TEST(every_length_at_every_place_has_the_plain_sum)
{
    static uint8_t data[256 + 8];

    random_bytes(data, sizeof data);
    memset(data + 64, 0xff, 32);
    for (size_t from = 0; from < 8; from++)
        for (size_t len = 0; len <= 256; len++)
            CHECK(same(checksum_fold(checksum_add(0, data + from, len)),
                       plain(data + from, len)));
}

TEST(a_list_of_bufs_of_odd_lengths_has_the_sum_of_the_whole)
{
    uint8_t data[120];
    struct buf *list = NULL, **end = &list;
    size_t at = 0;

    CHECK(buf_reserve(16) == OK);
    random_bytes(data, sizeof data);
    for (size_t n = 1; at + n <= sizeof data; n += 2) {
        *end = buf_new(n);
        memcpy(buf_append(*end, n), data + at, n);
        at += n;
        end = &(*end)->next;
    }
    for (size_t from = 0; from < at; from++)
        for (size_t len = 0; from + len <= at; len++)
            CHECK(same(checksum_fold(checksum_add_bufs(0, list, from, len)),
                       plain(data + from, len)));
    buf_free(list);
}

TEST(the_pseudo_header_is_one_for_ipv4_and_ipv6)
{
    static const uint8_t header[] = {10, 0, 0, 1, 10, 0,
                                     0, 2, 0, 6, 0x12, 0x34};

    CHECK(same(checksum_fold(checksum_pseudo(ipv4_address(10, 0, 0, 1),
                                             ipv4_address(10, 0, 0, 2), 6,
                                             0x1234)),
               plain(header, sizeof header)));
}
