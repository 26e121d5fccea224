/* SPDX-License-Identifier: ISC */
/*
 * ChaCha20's block function (RFC 8439, 2.3), and mixing with it. A file of its
 * own: bare images mix entropy also where nothing draws random numbers.
 */
#include "chacha20.h"
#include <mirage/platform.h>
#include <string.h>

void wipe(void *data, size_t len)
{
    static void *(*const volatile set)(void *, int, size_t) = memset;

    set(data, 0, len);
}

static uint32_t rotate(uint32_t v, int by)
{
    return v << by | v >> (32 - by);
}

static uint32_t load32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
           (uint32_t)p[3] << 24;
}

/* The quarter round (RFC 8439, 2.1). */
static void quarter_round(uint32_t *x, int a, int b, int c, int d)
{
    x[a] += x[b];
    x[d] = rotate(x[d] ^ x[a], 16);
    x[c] += x[d];
    x[b] = rotate(x[b] ^ x[c], 12);
    x[a] += x[b];
    x[d] = rotate(x[d] ^ x[a], 8);
    x[c] += x[d];
    x[b] = rotate(x[b] ^ x[c], 7);
}

void chacha20_block(const uint32_t state[16], uint8_t out[CHACHA20_BLOCK])
{
    uint32_t x[16];

    memcpy(x, state, sizeof x);
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 4; i++)
            quarter_round(x, i, 4 + i, 8 + i, 12 + i);
        for (int i = 0; i < 4; i++)
            quarter_round(x, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4,
                          12 + (i + 3) % 4);
    }
    for (int i = 0; i < 16; i++) {
        uint32_t v = x[i] + state[i];

        for (int j = 0; j < 4; j++)
            out[4 * i + j] = (uint8_t)(v >> 8 * j);
    }
    wipe(x, sizeof x);
}

void chacha20_state(uint32_t state[16], const uint8_t with[RANDOM_KEY])
{
    static const uint8_t constant[] = "expand 32-byte k";

    memset(state, 0, 16 * sizeof *state);
    for (int i = 0; i < 4; i++)
        state[i] = load32(constant + 4 * i);
    for (int i = 0; i < 8; i++)
        state[4 + i] = load32(with + 4 * i);
}

void random_mix(uint8_t into[RANDOM_KEY], const uint8_t with[RANDOM_MIXED])
{
    uint32_t state[16];
    uint8_t out[CHACHA20_BLOCK];

    chacha20_state(state, into);
    for (int i = 0; i < 4; i++)
        state[12 + i] = load32(with + 4 * i);
    chacha20_block(state, out);
    memcpy(into, out, RANDOM_KEY);
    wipe(state, sizeof state);
    wipe(out, sizeof out);
}
