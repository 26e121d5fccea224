/* SPDX-License-Identifier: ISC */
/*
 * RNDRRS and RNDR, by their encodings, since assemblers know the names only
 * with FEAT_RNG. Both are there if ID_AA64ISAR0_EL1 has 1 in bits 60 to 63;
 * both set the flag Z when they fail.
 */
#include <arch/random.h>

const char random_names[RANDOM_INSTRUCTIONS][8] = {" RNDRRS", " RNDR"};

unsigned random_instructions(void)
{
    uint64_t features;

    __asm__("mrs %0, id_aa64isar0_el1"
            : "=r"(features));
    return features >> 60 ? 3 : 0;
}

bool random_draw(unsigned instruction, uint64_t *word)
{
    uint32_t good;

    if (instruction == 0)
        __asm__ volatile("mrs %0, s3_3_c2_c4_1\n\tcset %w1, ne"
                         : "=r"(*word), "=r"(good)
                         :
                         : "cc");
    else
        __asm__ volatile("mrs %0, s3_3_c2_c4_0\n\tcset %w1, ne"
                         : "=r"(*word), "=r"(good)
                         :
                         : "cc");
    return good;
}
