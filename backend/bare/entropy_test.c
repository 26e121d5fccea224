/* SPDX-License-Identifier: ISC */
/* Which sources of entropy are used, on simulated processors. */
#include <mirage/platform.h>
/* The test's process has its own. */
#define platform_entropy tested_entropy
void platform_entropy(void *data, size_t len);
#include <arch/cpu.h>
/* Time stands still, so that nothing else varies. */
#define read_cycles() 7
#include "entropy.c"
#undef platform_entropy
#include "check.h"
#include <setjmp.h>

const char random_names[RANDOM_INSTRUCTIONS][8] = {" FIRST", " SECOND"};

static unsigned instructions; /* that the processor has */
static unsigned stuck; /* those that always give one value */
static unsigned dry; /* those that never have a word */
static uint64_t next_word;
static int drawn;
static bool has_jitter;
static int jitters;

unsigned random_instructions(void)
{
    return instructions;
}

bool random_draw(unsigned instruction, uint64_t *word)
{
    CHECK(instructions & 1u << instruction);
    drawn++;
    *word = stuck & 1u << instruction ? 42 : next_word++;
    return !(dry & 1u << instruction);
}

bool jitter_collect(uint8_t *k, jitter_measure *fn)
{
    jitters++;
    CHECK(fn == measure);
    k[0] ^= 1;
    return has_jitter;
}

static void begin(unsigned has)
{
    memset(key, 0, sizeof key);
    sources = 0;
    seeded = false;
    from_device = 0;
    instructions = has;
    stuck = dry = 0;
    drawn = jitters = 0;
    has_jitter = true;
}

/* Returns the sources that the first call of platform_entropy finds. */
static unsigned found(void)
{
    uint8_t first[32], second[32];

    tested_entropy(first, sizeof first);
    tested_entropy(second, sizeof second);
    CHECK(memcmp(first, second, sizeof first) != 0);
    return sources;
}

TEST(each_instruction_of_the_processor_is_a_source)
{
    begin(3);
    CHECK(found() == 3);
    CHECK(jitters == 0);
    begin(1);
    CHECK(found() == 1);
    begin(2);
    CHECK(found() == 2);
    CHECK(drawn == 2 * WORDS);
}

TEST(an_instruction_that_repeats_a_word_is_no_source)
{
    begin(3);
    stuck = 1;
    CHECK(found() == 2);
    begin(3);
    stuck = 3;
    CHECK(found() == JITTER);
}

TEST(an_instruction_that_never_has_a_word_is_given_up)
{
    begin(3);
    dry = 2;
    CHECK(found() == 1);
    CHECK(drawn == 2 * (WORDS + TRIES));
}

TEST(jitter_is_used_only_without_any_other_source)
{
    static const uint8_t loaded[RANDOM_KEY];

    begin(0);
    CHECK(found() == JITTER);
    CHECK(jitters == 1);
    begin(0);
    entropy_seed(loaded, sizeof loaded);
    CHECK(found() == LOADER);
    CHECK(jitters == 0);
}

TEST(a_short_seed_of_the_loader_is_mixed_but_no_source)
{
    static const uint8_t loaded[RANDOM_KEY - 1] = {1};

    begin(0);
    entropy_seed(loaded, sizeof loaded);
    CHECK(key[0] != 0 || key[1] != 0);
    CHECK(found() == JITTER);
}

/* Two runs that differ only in what the instruction draws. */
TEST(what_the_processor_draws_decides_what_is_given)
{
    uint8_t given[2][32];

    for (int i = 0; i < 2; i++) {
        begin(1);
        next_word = (uint64_t)i << 32;
        tested_entropy(given[i], sizeof given[i]);
    }
    CHECK(memcmp(given[0], given[1], sizeof given[0]) != 0);
}

TEST(a_device_that_gives_less_than_a_key_is_mixed_but_no_source)
{
    static const uint8_t given[RANDOM_KEY - 1] = {1};

    begin(0);
    entropy_device(given, sizeof given);
    CHECK(key[0] != 0 || key[1] != 0);
    CHECK(found() == JITTER);
}

TEST(a_device_may_give_a_key_in_parts)
{
    static const uint8_t given[RANDOM_KEY / 2] = {1};

    begin(0);
    entropy_device(given, sizeof given);
    CHECK(entropy_is_weak());
    entropy_device(given, sizeof given);
    CHECK(!entropy_is_weak());
    CHECK(found() == DEVICE);
}
