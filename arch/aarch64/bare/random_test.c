/* SPDX-License-Identifier: ISC */
/* RNDRRS and RNDR, and the counter and caches of <arch/cpu.h>, on the processor
 * that runs the test. */
#include "random.c"
#include "check.h"
#include <arch/cpu.h>

/* 64 equal words, or as many failures, are not by chance. */
TEST(an_instruction_of_this_processor_gives_words_that_differ)
{
    unsigned there = random_instructions();

    CHECK(there == 0 || there == 3);
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
    CHECK_TEXT(random_names[0], " RNDRRS");
    CHECK_TEXT(random_names[1], " RNDR");
}

TEST(the_counter_counts_up_and_flushed_lines_keep_their_values)
{
    static volatile char line[64];
    uint64_t before = read_cycles(), now = before;

    for (int i = 0; i < 100000000 && now == before; i++) {
        line[0]++;
        flush_line((const char *)line);
        full_fence();
        CHECK(line[0] == (char)(i + 1));
        now = read_cycles();
    }
    CHECK(now > before);
}
