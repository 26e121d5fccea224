/* SPDX-License-Identifier: ISC */
#include <cpu.h>
#include <mirage/panic.h>
#include <mirage/platform.h>
#include <string.h>

static bool hardware_random(uint64_t *word)
{
    bool good = false;

    for (int tries = 0; tries < 100 && !good; tries++)
        __asm__ volatile("rdrand %0"
                         : "=r"(*word), "=@ccc"(good));
    return good;
}

void platform_entropy(void *data, size_t len)
{
    uint8_t *to = data;

    if (!(cpuid(1).c & 1u << 30))
        panic("this processor has no RDRAND");
    for (size_t n; len > 0; to += n, len -= n) {
        uint64_t word;

        n = len < sizeof word ? len : sizeof word;
        if (!hardware_random(&word))
            panic("the processor's RDRAND fails");
        memcpy(to, &word, n);
    }
}
