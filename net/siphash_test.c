/* SPDX-License-Identifier: ISC */
/* SipHash-2-4 against published vectors. */
#include "check.h"
#include "siphash.h"

/* From the paper, appendix A, and the first of its authors' vectors. */
TEST(hashes_are_those_of_the_papers_test_vectors)
{
    static const struct siphash_key key = {
        {0x0706050403020100, 0x0f0e0d0c0b0a0908}};
    uint8_t data[15];

    for (uint8_t i = 0; i < sizeof data; i++)
        data[i] = i;
    CHECK(siphash(&key, data, 15) == 0xa129ca6149be45e5);
    CHECK(siphash(&key, data, 0) == 0x726fdb47dd0e0e31);
}
