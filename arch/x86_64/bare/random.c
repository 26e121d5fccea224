/* SPDX-License-Identifier: ISC */
/* RDSEED and RDRAND: CPUID leaf 7, EBX bit 18, and leaf 1, ECX bit 30. */
#include <arch/cpu.h>
#include <arch/random.h>

const char random_names[RANDOM_INSTRUCTIONS][8] = {" RDSEED", " RDRAND"};

unsigned random_instructions(void)
{
    bool rdseed = cpuid(0).a >= 7 && (cpuid(7).b & 1u << 18);

    return (unsigned)rdseed | (cpuid(1).c >> 30 & 1u) << 1;
}

bool random_draw(unsigned instruction, uint64_t *word)
{
    bool good;

    if (instruction == 0)
        __asm__ volatile("rdseed %0"
                         : "=r"(*word), "=@ccc"(good));
    else
        __asm__ volatile("rdrand %0"
                         : "=r"(*word), "=@ccc"(good));
    return good;
}
