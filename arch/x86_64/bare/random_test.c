/* SPDX-License-Identifier: ISC */
/* Which instructions are found on simulated processors, and the words that
 * those of this processor draw. */
#include <arch/cpu.h>
#define cpuid(leaf) tested_cpuid(leaf)

static struct cpuid tested_cpuid(uint32_t leaf);

#include "random.c"
#include "check.h"
#include <string.h>

static uint32_t last_leaf, leaf_1_c, leaf_7_b;

static struct cpuid tested_cpuid(uint32_t leaf)
{
    struct cpuid r = {0};

    if (leaf == 0)
        r.a = last_leaf;
    if (leaf == 1)
        r.c = leaf_1_c;
    /* Beyond the last leaf a processor answers as for its last one. */
    if (leaf == 7)
        r.b = last_leaf >= 7 ? leaf_7_b : ~0u;
    return r;
}

static unsigned found(uint32_t last, uint32_t leaf_1, uint32_t leaf_7)
{
    last_leaf = last;
    leaf_1_c = leaf_1;
    leaf_7_b = leaf_7;
    return random_instructions();
}

TEST(instructions_are_found_by_their_bits_of_cpuid)
{
    CHECK(found(13, 0, 0) == 0);
    CHECK(found(13, ~(1u << 30), ~(1u << 18)) == 0);
    CHECK(found(13, 0, 1u << 18) == 1);
    CHECK(found(13, 1u << 30, 0) == 2);
    CHECK(found(13, 1u << 30, 1u << 18) == 3);
}

TEST(leaf_7_is_not_asked_where_it_does_not_exist)
{
    CHECK(found(6, 0, 0) == 0);
    CHECK(found(7, 0, 1u << 18) == 1);
    CHECK(found(6, 1u << 30, 0) == 2);
    CHECK(found(7, 0, 1u << 18) == 1);
}

#undef cpuid

/* 64 equal words, or as many failures, are not by chance. */
TEST(an_instruction_of_this_processor_gives_words_that_differ)
{
    struct cpuid seven = cpuid(0).a >= 7 ? cpuid(7) : (struct cpuid){0};
    unsigned there = found(7, cpuid(1).c, seven.b);

    for (unsigned i = 0; i < RANDOM_INSTRUCTIONS; i++) {
        uint64_t first = 0, word = 0;
        int drawn = 0, other = 0;

        if (!(there & 1u << i))
            continue;
        for (int n = 0; n < 1000 && drawn < 64; n++)
            if (random_draw(i, &word)) {
                first = drawn++ ? first : word;
                other += word != first;
            }
        CHECK(drawn == 64);
        CHECK(other > 32);
    }
}

TEST(the_log_has_a_blank_before_each_name)
{
    CHECK_TEXT(random_names[0], " RDSEED");
    CHECK_TEXT(random_names[1], " RDRAND");
}
