/* SPDX-License-Identifier: ISC */
/* What the headers themselves define: bytes.h, line.h, macros.h. */
#include "check.h"
#include <mirage/bytes.h>
#include <mirage/line.h>
#include <mirage/macros.h>

static const uint8_t bytes[] = {0x81, 0x92, 0xa3, 0xb4, 0xc5, 0xd6, 0xe7, 0xf8};

TEST(numbers_are_read_in_both_byte_orders)
{
    CHECK(get_be16(bytes) == 0x8192 && get_le16(bytes) == 0x9281);
    CHECK(get_be32(bytes) == 0x8192a3b4 && get_le32(bytes) == 0xb4a39281);
    CHECK(get_le64(bytes) == 0xf8e7d6c5b4a39281);
}

TEST(numbers_are_written_in_both_byte_orders_and_nothing_beside_them)
{
    uint8_t out[10];

    memset(out, 0xee, sizeof out);
    put_be16(out + 1, 0x8192);
    CHECK(memcmp(out + 1, bytes, 2) == 0 && out[0] == 0xee && out[3] == 0xee);
    memset(out, 0xee, sizeof out);
    put_le16(out + 1, 0x9281);
    CHECK(memcmp(out + 1, bytes, 2) == 0 && out[0] == 0xee && out[3] == 0xee);
    memset(out, 0xee, sizeof out);
    put_be32(out + 1, 0x8192a3b4);
    CHECK(memcmp(out + 1, bytes, 4) == 0 && out[0] == 0xee && out[5] == 0xee);
}

TEST(the_escapes_of_a_value_are_undone_and_others_lose_their_backslash)
{
    char text[] = "a\\tb\\nc\\\\d\\x\\";

    CHECK_TEXT(line_value(text), "a\tb\nc\\dx\\");
}

TEST(the_smaller_the_larger_and_the_nearest_are_found_once)
{
    int calls = 0;
    struct {
        int before;
        int member;
    } s;

    CHECK(min(3, 4) == 3 && min(4, 3) == 3 && min(-1, 1) == -1);
    CHECK(max(3, 4) == 4 && max(4, 3) == 4 && max(-1, 1) == 1);
    CHECK(clamp(5, 1, 9) == 5 && clamp(0, 1, 9) == 1 && clamp(10, 1, 9) == 9);
    CHECK(min(++calls, 5) == 1 && calls == 1);
    CHECK(containing(&s.member, __typeof__(s), member) == &s);
}
