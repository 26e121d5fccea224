/* SPDX-License-Identifier: ISC */
/*
 * A random number generator with fast key erasure, from ChaCha20 (RFC 8439,
 * 2.3). Each refill makes BLOCKS blocks under the present key. The first 32
 * bytes become the next key; the others are returned once, and wiped.
 */
#include <mirage/macros.h>
#include <mirage/panic.h>
#include <mirage/platform.h>
#include <mirage/random.h>
#include <stdbool.h>
#include <string.h>

#define BLOCK  64
#define BLOCKS 8
#define KEY    RANDOM_KEY

static uint8_t pool[BLOCK * BLOCKS];
static uint8_t key[KEY];
static size_t left; /* unused bytes at the end of pool */
static bool seeded;

/* Clears memory that is not read again; the compiler does not drop the call. */
static void wipe(void *data, size_t len)
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

/* RFC 8439, 2.3: state is constants, key, counter and nonce. */
static void chacha20_block(const uint32_t state[16], uint8_t out[BLOCK])
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

static void chacha20_state(uint32_t state[16], const uint8_t with[KEY])
{
    static const uint8_t constant[] = "expand 32-byte k";

    memset(state, 0, 16 * sizeof *state);
    for (int i = 0; i < 4; i++)
        state[i] = load32(constant + 4 * i);
    for (int i = 0; i < 8; i++)
        state[4 + i] = load32(with + 4 * i);
}

static void refill(void)
{
    uint32_t state[16];

    if (!seeded) {
        platform_entropy(key, sizeof key);
        seeded = true;
    }
    chacha20_state(state, key);
    for (int i = 0; i < BLOCKS; i++) {
        state[12] = (uint32_t)i;
        chacha20_block(state, pool + i * BLOCK);
    }
    memcpy(key, pool, KEY);
    memset(pool, 0, KEY);
    wipe(state, sizeof state);
    left = sizeof pool - KEY;
}

void random_mix(uint8_t into[RANDOM_KEY], const uint8_t with[RANDOM_MIXED])
{
    uint32_t state[16];
    uint8_t out[BLOCK];

    chacha20_state(state, into);
    for (int i = 0; i < 4; i++)
        state[12 + i] = load32(with + 4 * i);
    chacha20_block(state, out);
    memcpy(into, out, RANDOM_KEY);
    wipe(state, sizeof state);
    wipe(out, sizeof out);
}

void random_reseed(void)
{
    uint8_t fresh[2][RANDOM_MIXED];

    if (!seeded)
        return;
    platform_entropy(fresh, sizeof fresh);
    random_mix(key, fresh[0]);
    random_mix(key, fresh[1]);
    wipe(fresh, sizeof fresh);
    wipe(pool, sizeof pool);
    left = 0;
}

void random_bytes(void *data, size_t len)
{
    uint8_t *to = data;

    while (len > 0) {
        uint8_t *from;
        size_t n;

        if (left == 0)
            refill();
        n = min(len, left);
        from = pool + sizeof pool - left;
        memcpy(to, from, n);
        memset(from, 0, n);
        left -= n;
        to += n;
        len -= n;
    }
}

uint32_t random_below(uint32_t bound)
{
    /* Reject values below 2^32 mod bound: they would favour small results. */
    uint32_t skip, value;

    require(bound > 0);
    skip = -bound % bound;
    do
        random_bytes(&value, sizeof value);
    while (value < skip);
    return value % bound;
}
