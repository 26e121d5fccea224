/* SPDX-License-Identifier: ISC */
/* SHA-256 (FIPS 180-4, 5.1.1, 5.3.3 and 6.2). */
#include "sha256.h"
#include <mirage/bytes.h>
#include <string.h>

/* The fractional parts of the cube roots of the first 64 primes (4.2.2). */
static const uint32_t constant[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
    0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
    0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
    0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
    0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
    0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
    0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotated(uint32_t x, unsigned by)
{
    return x >> by | x << (32 - by);
}

/* One round (6.2.2, step 3). The variables a to h are s, from s[-n modulo 8]
 * on, so that only two of them change. */
static inline void mix(uint32_t *s, unsigned n, uint32_t sum)
{
    uint32_t a = s[-n & 7], b = s[(1 - n) & 7], c = s[(2 - n) & 7];
    uint32_t e = s[(4 - n) & 7], f = s[(5 - n) & 7], g = s[(6 - n) & 7];

    sum += s[(7 - n) & 7] + (rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)) +
           ((e & f) ^ (~e & g));
    s[(3 - n) & 7] += sum;
    s[(7 - n) & 7] = sum +
                     (rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)) +
                     ((a & b) ^ (a & c) ^ (b & c));
}

static void add_block(struct sha256 *h, const uint8_t *block)
{
    uint32_t w[64], s[8];

    for (unsigned i = 0; i < 16; i++)
        w[i] = get_be32(block + 4 * i);
    for (unsigned i = 16; i < 64; i++) {
        uint32_t x = w[i - 15], y = w[i - 2];

        w[i] = w[i - 16] + (rotated(x, 7) ^ rotated(x, 18) ^ x >> 3) +
               w[i - 7] + (rotated(y, 17) ^ rotated(y, 19) ^ y >> 10);
    }
    memcpy(s, h->state, sizeof s);
    for (unsigned i = 0; i < 64; i += 8)
        for (unsigned n = 0; n < 8; n++)
            mix(s, n, constant[i + n] + w[i + n]);
    for (unsigned i = 0; i < 8; i++)
        h->state[i] += s[i];
}

void sha256_begin(struct sha256 *h)
{
    *h = (struct sha256){.state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372,
                                   0xa54ff53a, 0x510e527f, 0x9b05688c,
                                   0x1f83d9ab, 0x5be0cd19}};
}

void sha256_add(struct sha256 *h, const uint8_t *data, size_t len)
{
    while (len > 0) {
        size_t at = h->len % sizeof h->block, n = sizeof h->block - at;

        n = n < len ? n : len;
        if (n == sizeof h->block) {
            add_block(h, data);
        } else {
            memcpy(h->block + at, data, n);
            if (at + n == sizeof h->block)
                add_block(h, h->block);
        }
        h->len += n;
        data += n;
        len -= n;
    }
}

void sha256_end(struct sha256 *h, char text[65])
{
    static const uint8_t padding[64] = {0x80};
    uint64_t bits = h->len * 8;
    uint8_t length[8];

    put_be32(length, (uint32_t)(bits >> 32));
    put_be32(length + 4, (uint32_t)bits);
    sha256_add(h, padding, 1 + (119 - h->len % 64) % 64);
    sha256_add(h, length, sizeof length);
    for (unsigned i = 0; i < 64; i++)
        text[i] = "0123456789abcdef"[h->state[i / 8] >> (28 - i % 8 * 4) & 15];
    text[64] = '\0';
}
