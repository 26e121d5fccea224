/* SPDX-License-Identifier: ISC */
/* What ChaCha20 leaves behind on the stack; random_test has its vectors. */
#include <stddef.h>
#include <string.h>
#define memset tested_memset
static void *tested_memset(void *data, int value, size_t len);
#include "chacha20.c"
#undef memset
#include "check.h"

static size_t cleared; /* bytes */

static void *tested_memset(void *data, int value, size_t len)
{
    cleared += value == 0 ? len : 0;
    return memset(data, value, len);
}

TEST(a_block_leaves_no_state_behind)
{
    uint32_t state[16] = {1};
    uint8_t out[CHACHA20_BLOCK];

    cleared = 0;
    chacha20_block(state, out);
    CHECK(cleared == 64);
}

TEST(mixing_leaves_neither_the_old_key_nor_the_new_one_behind)
{
    static const uint8_t with[RANDOM_MIXED] = {1};
    uint8_t key[RANDOM_KEY] = {2};

    cleared = 0;
    random_mix(key, with);
    /* The state at first and at last, that of the block, and the result. */
    CHECK(cleared == 4 * 64);
}
