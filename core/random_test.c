/* SPDX-License-Identifier: ISC */
/* Tests of the generator, with vectors of RFC 8439. */
#include "panics.h"
#include <mirage/platform.h>
/* The platform's, but for tests that say what it gives. */
#define platform_entropy   tested_entropy
#define platform_seed      tested_seed
#define platform_is_copied tested_is_copied
static void tested_entropy(void *data, size_t len);
static void tested_seed(void *data, size_t len);
static bool tested_is_copied(void);
#include "random.c"
#undef platform_entropy
#undef platform_seed
#undef platform_is_copied
#include "check.h"

static const uint8_t *given; /* NULL: the platform's entropy */
static size_t drawn, seeds; /* bytes, and calls of platform_seed */
static bool copied;

static void tested_entropy(void *data, size_t len)
{
    drawn += len;
    if (given)
        memcpy(data, given, len);
    else
        platform_entropy(data, len);
}

static void tested_seed(void *data, size_t len)
{
    seeds++;
    if (given)
        memcpy(data, given, len);
    else
        platform_seed(data, len);
}

static bool tested_is_copied(void)
{
    bool was = copied;

    copied = false;
    return was || platform_is_copied();
}

/* RFC 8439, 2.3.2 */
TEST(chacha20_makes_the_block_of_rfc_8439)
{
    static const uint8_t wanted[BLOCK] = {
        0x10, 0xf1, 0xe7, 0xe4, 0xd1, 0x3b, 0x59, 0x15, 0x50, 0x0f, 0xdd,
        0x1f, 0xa3, 0x20, 0x71, 0xc4, 0xc7, 0xd1, 0xf4, 0xc7, 0x33, 0xc0,
        0x68, 0x03, 0x04, 0x22, 0xaa, 0x9a, 0xc3, 0xd4, 0x6c, 0x4e, 0xd2,
        0x82, 0x64, 0x46, 0x07, 0x9f, 0xaa, 0x09, 0x14, 0xc2, 0xd7, 0x05,
        0xd9, 0x8b, 0x02, 0xa2, 0xb5, 0x12, 0x9c, 0xd1, 0xde, 0x16, 0x4e,
        0xb9, 0xcb, 0xd0, 0x83, 0xe8, 0xa2, 0x50, 0x3c, 0x4e};
    uint8_t with[KEY], out[BLOCK];
    uint32_t state[16];

    for (int i = 0; i < KEY; i++)
        with[i] = (uint8_t)i;
    chacha20_state(state, with);
    state[12] = 1;
    state[13] = 0x09000000;
    state[14] = 0x4a000000;
    chacha20_block(state, out);
    CHECK(memcmp(out, wanted, BLOCK) == 0);
}

TEST(random_mix_makes_a_block_of_chacha20)
{
    /* The block above: its counter and nonce are mixed in. */
    static const uint8_t with[RANDOM_MIXED] = {1, 0, 0, 0, 0, 0, 0, 9,
                                               0, 0, 0, 0x4a};
    static const uint8_t wanted[] = {0x10, 0xf1, 0xe7, 0xe4, 0xd1, 0x3b};
    uint8_t mixed[RANDOM_KEY];

    for (int i = 0; i < RANDOM_KEY; i++)
        mixed[i] = (uint8_t)i;
    random_mix(mixed, with);
    CHECK(memcmp(mixed, wanted, sizeof wanted) == 0);
    CHECK(mixed[RANDOM_KEY - 1] == 0x4e);
}

/* RFC 8439, A.1, test vector 1: all zeros. */
TEST(chacha20_makes_the_block_of_a_zero_key)
{
    static const uint8_t wanted[16] = {0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1,
                                       0x3d, 0x90, 0x40, 0x5d, 0x6a, 0xe5,
                                       0x53, 0x86, 0xbd, 0x28};
    uint8_t zero[KEY] = {0}, out[BLOCK];
    uint32_t state[16];

    chacha20_state(state, zero);
    chacha20_block(state, out);
    CHECK(memcmp(out, wanted, sizeof wanted) == 0);
}

TEST(returned_bytes_are_wiped_and_the_key_is_replaced)
{
    uint8_t before[KEY], data[100], all_zero[100] = {0};

    random_bytes(data, 1);
    memcpy(before, key, KEY);
    left = 0;
    random_bytes(data, sizeof data);
    CHECK(memcmp(before, key, KEY) != 0);
    CHECK(memcmp(data, all_zero, sizeof data) != 0);
    CHECK(memcmp(pool, all_zero, KEY) == 0);
    CHECK(memcmp(pool + KEY, all_zero, sizeof data) == 0);
    CHECK(left == sizeof pool - KEY - sizeof data);
}

TEST(random_bytes_are_uniformly_distributed)
{
    static uint8_t data[1 << 20];
    unsigned count[256] = {0};

    random_bytes(data, sizeof data);
    for (size_t i = 0; i < sizeof data; i++)
        count[data[i]]++;
    for (int i = 0; i < 256; i++)
        CHECK(count[i] > 3500 &&
              count[i] < 4700); /* 4096 plus or minus 9 standard deviations */
}

TEST(random_below_is_uniformly_distributed_below_its_bound)
{
    unsigned count[3] = {0};

    for (int i = 0; i < 30000; i++) {
        uint32_t n = random_below(3);

        CHECK(n < 3);
        count[n < 3 ? n : 0]++;
    }
    for (int i = 0; i < 3; i++)
        CHECK(count[i] > 9300 && count[i] < 10700);
    CHECK(random_below(1) == 0);
}

TEST(the_blocks_of_a_refill_differ)
{
    left = 0;
    refill();
    for (int i = 1; i < BLOCKS; i++)
        for (int j = 1; j < i; j++)
            CHECK(memcmp(pool + i * BLOCK, pool + j * BLOCK, BLOCK) != 0);
}

static void start_with(const uint8_t *entropy)
{
    memset(key, 0, sizeof key);
    memset(pool, 0, sizeof pool);
    left = 0;
    seeded = false;
    given = entropy;
    drawn = seeds = 0;
}

TEST(the_first_bytes_are_seeded_and_each_byte_of_the_seed_counts)
{
    uint8_t seed[KEY] = {0}, first[16], other[16];

    start_with(seed);
    random_bytes(first, sizeof first);
    CHECK(seeds == 1 && drawn == 0);
    random_bytes(other, sizeof other);
    CHECK(seeds == 1);
    for (size_t i = 0; i < KEY; i++) {
        seed[i] = 1;
        start_with(seed);
        random_bytes(other, sizeof other);
        CHECK(memcmp(first, other, sizeof first) != 0);
        seed[i] = 0;
    }
    start_with(seed);
    random_bytes(other, sizeof other);
    CHECK(memcmp(first, other, sizeof first) == 0);
    start_with(NULL);
}

/* The bytes that follow a reseed with this entropy, from one state. */
static void reseeded(const uint8_t *entropy, uint8_t out[16])
{
    static const uint8_t seed[KEY] = {7};

    start_with(seed);
    random_bytes(out, 16);
    given = entropy;
    random_reseed();
    random_bytes(out, 16);
}

TEST(each_fresh_byte_of_a_reseed_counts)
{
    uint8_t fresh[2 * RANDOM_MIXED] = {0}, first[16], other[16];

    reseeded(fresh, first);
    CHECK(drawn == sizeof fresh);
    for (size_t i = 0; i < sizeof fresh; i++) {
        fresh[i] = 1;
        reseeded(fresh, other);
        CHECK(memcmp(first, other, sizeof first) != 0);
        fresh[i] = 0;
    }
    reseeded(fresh, other);
    CHECK(memcmp(first, other, sizeof first) == 0);
    start_with(NULL);
}

TEST(a_reseed_wipes_the_bytes_that_were_not_yet_returned)
{
    static const uint8_t zeros[sizeof pool];
    uint8_t data[1];

    random_bytes(data, 1);
    CHECK(left > 0 && memcmp(pool, zeros, sizeof pool) != 0);
    random_reseed();
    CHECK(left == 0 && memcmp(pool, zeros, sizeof pool) == 0);
}

TEST(before_the_first_bytes_there_is_nothing_to_reseed)
{
    uint8_t data[1];

    start_with(NULL);
    random_reseed();
    CHECK(drawn == 0 && seeds == 0);
    random_bytes(data, 1);
    CHECK(seeds == 1);
}

TEST(an_image_that_was_copied_reseeds_before_the_next_byte)
{
    uint8_t data[1];

    random_bytes(data, 1);
    drawn = 0;
    random_bytes(data, 1);
    CHECK(drawn == 0);
    copied = true;
    random_bytes(data, 1);
    CHECK(drawn == 2 * RANDOM_MIXED);
    random_bytes(data, 1);
    CHECK(drawn == 2 * RANDOM_MIXED);
}

TEST(a_wide_range_is_not_skewed_towards_its_small_numbers)
{
    unsigned low = 0;

    /* 2^32 is 4/3 of the bound: without rejection, half are in a third. */
    for (int i = 0; i < 30000; i++)
        low += random_below(0xc0000000) < 0x40000000;
    CHECK(low > 9300 && low < 10700);
    CHECK(PANICS(random_below(0)));
}

/* As after a virtual machine was saved once and restored twice. */
TEST(copies_of_an_image_diverge_after_a_reseed)
{
    static uint8_t saved_pool[sizeof pool], saved_key[KEY];
    uint8_t first[16], second[16], third[16];
    size_t saved_left;

    random_bytes(first, sizeof first);
    memcpy(saved_pool, pool, sizeof pool);
    memcpy(saved_key, key, sizeof key);
    saved_left = left;
    random_bytes(first, sizeof first);
    for (int i = 0; i < 2; i++) {
        memcpy(pool, saved_pool, sizeof pool);
        memcpy(key, saved_key, sizeof key);
        left = saved_left;
        random_reseed();
        random_bytes(i ? third : second, sizeof second);
    }
    CHECK(memcmp(first, second, sizeof first) != 0);
    CHECK(memcmp(first, third, sizeof first) != 0);
    CHECK(memcmp(second, third, sizeof first) != 0);
}
