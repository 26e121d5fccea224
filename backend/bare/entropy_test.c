/* SPDX-License-Identifier: ISC */
/* Which sources of entropy are used, on simulated processors. */
#include "said.h"
#include <mirage/platform.h>
/* The test's process has its own. */
#define platform_entropy tested_entropy
void platform_entropy(void *data, size_t len);
#include <arch/cpu.h>
/* Time stands still, so that nothing else varies. */
#define read_cycles() 7
#include <mirage/panic.h>
#undef panic
#define panic(text) (image_say("%s", text), give_up())

static void give_up(void) __attribute__((noreturn));

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

/* A chunk of zeros and one that is cut off would leave the same key. */
TEST(each_byte_of_a_seed_is_mixed)
{
    uint8_t given[3 * RANDOM_MIXED + 1] = {0}, before[RANDOM_KEY];

    begin(1);
    entropy_seed(given, sizeof given);
    memcpy(before, key, sizeof before);
    for (size_t i = 0; i < sizeof given; i++) {
        begin(1);
        given[i] = 1;
        entropy_seed(given, sizeof given);
        CHECK(memcmp(before, key, sizeof before) != 0);
        given[i] = 0;
    }
}

/* Whoever learns the key later must not be able to compute what was given, and
 * what was given must not tell the key. */
TEST(no_part_of_what_is_given_is_a_key)
{
    uint8_t given[256], before[RANDOM_KEY];

    begin(0);
    tested_entropy(given, sizeof given);
    for (int times = 0; times < 3; times++) {
        memcpy(before, key, sizeof key);
        tested_entropy(given, sizeof given);
        CHECK(memcmp(before, key, sizeof key) != 0);
        for (size_t i = 0; i < sizeof given; i += RANDOM_KEY) {
            CHECK(memcmp(given + i, before, RANDOM_KEY) != 0);
            CHECK(memcmp(given + i, key, RANDOM_KEY) != 0);
            for (size_t k = 0; k < i; k += RANDOM_KEY)
                CHECK(memcmp(given + i, given + k, RANDOM_KEY) != 0);
        }
    }
}

TEST(no_more_is_written_than_was_asked_for)
{
    uint8_t given[RANDOM_KEY + 2] = {0};

    begin(1);
    tested_entropy(given, sizeof given - 1);
    CHECK(given[RANDOM_KEY + 1] == 0);
    CHECK(given[RANDOM_KEY - 1] != 0 || given[RANDOM_KEY - 2] != 0);
}

/* On a machine that was copied with its memory, the processor makes the
 * difference. */
TEST(the_processor_is_asked_each_time)
{
    uint8_t given[8];

    begin(1);
    for (int i = 1; i <= 4; i++) {
        tested_entropy(given, sizeof given);
        CHECK(drawn == i * WORDS);
    }
}

static jmp_buf out;

static void give_up(void)
{
    longjmp(out, 1);
}

TEST(a_machine_without_any_source_gives_no_random_numbers)
{
    uint8_t given[8] = {0};

    begin(0);
    has_jitter = false;
    if (setjmp(out) == 0)
        tested_entropy(given, sizeof given);
    CHECK(strstr(said_since(), "this machine has no source of entropy"));
    CHECK(given[0] == 0 && given[7] == 0 && !seeded);
}

/* Jitter is of no use to a cache line that stays in the cache; this is only to
 * see that the processor has the instructions. */
TEST(the_work_that_is_measured_can_be_done)
{
    CHECK(measure() == 0);
}

static const char *report(unsigned which)
{
    sources = which;
    entropy_report();
    return said_since();
}

TEST(the_log_names_the_sources)
{
    CHECK_TEXT(report(3), "info: seeded by FIRST SECOND\n");
    CHECK_TEXT(report(2 | JITTER), "info: seeded by SECOND\n");
    CHECK_TEXT(report(1 | LOADER), "info: seeded by FIRST the loader\n");
    CHECK_TEXT(report(LOADER | DEVICE), "info: seeded by the loader\n");
    CHECK_TEXT(report(DEVICE), "");
    CHECK(strstr(report(JITTER), "warning: this machine has no source of "
                                 "random numbers"));
}

TEST(a_device_is_told_of_once)
{
    static const uint8_t given[RANDOM_KEY] = {1};

    begin(1);
    (void)said_since();
    entropy_device(given, sizeof given);
    entropy_device(given, sizeof given);
    CHECK_TEXT(said_since(), "info: seeded by a device, too\n");
}

TEST(what_is_given_is_computed_from_the_key_alone)
{
    static const uint8_t loaded[RANDOM_KEY] = {1};
    uint8_t given[3 * RANDOM_KEY], own[RANDOM_KEY], out_of[RANDOM_KEY];
    uint64_t input[RANDOM_MIXED / sizeof(uint64_t)] = {7}; /* the time */

    begin(0);
    entropy_seed(loaded, sizeof loaded);
    memcpy(own, key, sizeof own);
    random_mix(own, (const uint8_t *)input);
    tested_entropy(given, sizeof given);
    for (uint64_t block = 0; block < 3; block++) {
        memcpy(out_of, own, sizeof own);
        input[0] = block + 1;
        random_mix(out_of, (const uint8_t *)input);
        CHECK(memcmp(given + block * RANDOM_KEY, out_of, RANDOM_KEY) == 0);
    }
}
