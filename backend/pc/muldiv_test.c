/* SPDX-License-Identifier: ISC */
/* Products of 128 bits, divided, against the compiler's own division. */
#include "muldiv.c"
#include "check.h"
#include <mirage/random.h>

TEST(quotients_are_those_of_the_compiler_or_the_greatest_number)
{
    for (int i = 0; i < 100000; i++) {
        uint64_t v[3];
        unsigned __int128 right;

        random_bytes(v, sizeof v);
        for (int k = 0; k < 3; k++)
            v[k] >>= random_below(64);
        if (v[2] == 0) {
            CHECK(muldiv(v[0], v[1], 0) == UINT64_MAX);
            continue;
        }
        right = (unsigned __int128)v[0] * v[1] / v[2];
        CHECK(muldiv(v[0], v[1], v[2]) ==
              (right > UINT64_MAX ? UINT64_MAX : (uint64_t)right));
    }
}

TEST(the_greatest_quotient_is_exact)
{
    CHECK(muldiv(UINT64_MAX, 5, 5) == UINT64_MAX);
    CHECK(muldiv(UINT64_MAX, 6, 12) == UINT64_MAX / 2);
    CHECK(muldiv(UINT64_MAX, UINT64_MAX, UINT64_MAX) == UINT64_MAX);
    CHECK(muldiv(1, 1, 2) == 0);
}
