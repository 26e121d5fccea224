/* SPDX-License-Identifier: ISC */
/*
 * SipHash-2-4 (Aumasson and Bernstein, 2012), with the names of the paper.
 */
#include "siphash.h"
#include <mirage/bytes.h>
#include <string.h>

static uint64_t rotate(uint64_t v, int by)
{
    return v << by | v >> (64 - by);
}

static void rounds(uint64_t v[4], int count)
{
    while (count-- > 0) {
        v[0] += v[1];
        v[2] += v[3];
        v[1] = rotate(v[1], 13) ^ v[0];
        v[3] = rotate(v[3], 16) ^ v[2];
        v[0] = rotate(v[0], 32);
        v[2] += v[1];
        v[0] += v[3];
        v[1] = rotate(v[1], 17) ^ v[2];
        v[3] = rotate(v[3], 21) ^ v[0];
        v[2] = rotate(v[2], 32);
    }
}

/* The last word: fewer than 8 bytes, little-endian, and the length of all. */
static uint64_t last_word(const uint8_t *p, size_t left, size_t len)
{
    uint64_t w = (uint64_t)len << 56;

    if (left & 4)
        w |= get_le32(p);
    for (size_t i = left & 4; i < left; i++)
        w |= (uint64_t)p[i] << 8 * i;
    return w;
}

static void mix(uint64_t v[4], uint64_t w)
{
    v[3] ^= w;
    rounds(v, 2);
    v[0] ^= w;
}

uint64_t siphash(const struct siphash_key *key, const void *data, size_t len)
{
    const uint8_t *p = data;
    size_t left = len;
    uint64_t v[4] = {
        key->word[0] ^ 0x736f6d6570736575,
        key->word[1] ^ 0x646f72616e646f6d,
        key->word[0] ^ 0x6c7967656e657261,
        key->word[1] ^ 0x7465646279746573,
    };

    for (; left >= 8; left -= 8, p += 8)
        mix(v, get_le64(p));
    mix(v, last_word(p, left, len));
    v[2] ^= 0xff;
    rounds(v, 4);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}
