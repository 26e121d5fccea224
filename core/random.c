/* SPDX-License-Identifier: ISC */
/*
 * A random number generator with fast key erasure, from ChaCha20 (RFC 8439,
 * 2.3). Each refill makes BLOCKS blocks under the present key. The first 32
 * bytes become the next key; the others are returned once, and wiped.
 */
#include "chacha20.h"
#include <mirage/macros.h>
#include <mirage/panic.h>
#include <mirage/platform.h>
#include <mirage/random.h>
#include <stdbool.h>
#include <string.h>

#define BLOCK  CHACHA20_BLOCK
#define BLOCKS 8
#define KEY    RANDOM_KEY

static uint8_t pool[BLOCK * BLOCKS];
static uint8_t key[KEY];
static size_t left; /* unused bytes at the end of pool */
static bool seeded;

static void refill(void)
{
    uint32_t state[16];

    if (!seeded) {
        platform_seed(key, sizeof key);
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

    if (platform_is_copied())
        random_reseed();
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
