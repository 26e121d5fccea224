/* SPDX-License-Identifier: ISC */
/* memcpy, memmove and memset of bare images, at every length and offset. */
#include "check.h"
#define memcpy  tested_memcpy
#define memmove tested_memmove
#define memset  tested_memset
void *memcpy(void *restrict to, const void *restrict from, size_t len);
void *memmove(void *to, const void *from, size_t len);
void *memset(void *data, int value, size_t len);
#include "memory.c"
#undef memcpy
#undef memmove
#undef memset

#define LONGEST 300
#define MARGIN  80 /* bytes beside, which must stay */
#define SIZE    (LONGEST + 2 * MARGIN)

static unsigned char from[SIZE], to[SIZE], wanted[SIZE];

static void fill(void)
{
    for (size_t i = 0; i < SIZE; i++) {
        from[i] = (unsigned char)(i * 7 + i / 256 + 1);
        to[i] = wanted[i] = (unsigned char)(0xff - i);
    }
}

TEST(bytes_are_copied_at_every_length_and_none_beside_them)
{
    for (size_t at = 0; at < 17; at += 4)
        for (size_t len = 0; len <= LONGEST; len++) {
            fill();
            for (size_t i = 0; i < len; i++)
                wanted[MARGIN + at + i] = from[MARGIN + 3 + i];
            CHECK(tested_memcpy(to + MARGIN + at, from + MARGIN + 3, len) ==
                  to + MARGIN + at);
            CHECK(memcmp(to, wanted, SIZE) == 0);
        }
}

TEST(bytes_that_overlap_are_moved_in_both_directions)
{
    for (size_t by = 0; by <= MARGIN; by++)
        for (size_t len = 0; len <= LONGEST; len += len < 70 ? 1 : 11) {
            fill();
            for (size_t i = 0; i < len; i++)
                wanted[MARGIN - by + i] = (unsigned char)(0xff - MARGIN - i);
            CHECK(tested_memmove(to + MARGIN - by, to + MARGIN, len) ==
                  to + MARGIN - by);
            CHECK(memcmp(to, wanted, SIZE) == 0);
            fill();
            for (size_t i = 0; i < len; i++)
                wanted[MARGIN + by + i] = (unsigned char)(0xff - MARGIN - i);
            CHECK(tested_memmove(to + MARGIN + by, to + MARGIN, len) ==
                  to + MARGIN + by);
            CHECK(memcmp(to, wanted, SIZE) == 0);
        }
}

TEST(bytes_are_set_at_every_length_and_none_beside_them)
{
    for (size_t at = 0; at < 17; at++)
        for (size_t len = 0; len <= LONGEST; len++) {
            fill();
            for (size_t i = 0; i < len; i++)
                wanted[MARGIN + at + i] = 0xa5;
            CHECK(tested_memset(to + MARGIN + at, 0x7fa5, len) ==
                  to + MARGIN + at);
            CHECK(memcmp(to, wanted, SIZE) == 0);
        }
}
