/* SPDX-License-Identifier: ISC */
/*
 * What comes from the sources goes, piece by piece, into a key that only grows
 * better by it: each step is ChaCha20 under the present key, with the piece as
 * its input, and the result is the next key (a cascade, as HMAC is one). What
 * is given out is made under the key of the moment, which is then replaced.
 */
#include "entropy.h"
#include "jitter.h"
#include <arch/cpu.h>
#include <mirage/log.h>
#include <mirage/panic.h>
#include <mirage/platform.h>
#include <string.h>

#define WORDS 8 /* from the processor at a time: twice the key */
#define TRIES 1000

LOG_SOURCE(entropy);

enum { RDSEED = 1,
       RDRAND = 2,
       LOADER = 4,
       JITTER = 8 };

static uint8_t key[RANDOM_KEY];
static unsigned sources;
static bool seeded;

static void mix(const void *data, size_t len)
{
    const char *from = data;

    for (size_t n; len > 0; from += n, len -= n) {
        uint8_t piece[RANDOM_MIXED] = {0};

        n = len < sizeof piece ? len : sizeof piece;
        memcpy(piece, from, n);
        random_mix(key, piece);
    }
}

static bool rdseed(uint64_t *word)
{
    bool good;

    __asm__ volatile("rdseed %0"
                     : "=r"(*word), "=@ccc"(good));
    return good;
}

static bool rdrand(uint64_t *word)
{
    bool good;

    __asm__ volatile("rdrand %0"
                     : "=r"(*word), "=@ccc"(good));
    return good;
}

/* There are processors whose instruction succeeds with always the same. */
static bool mix_words(bool (*draw)(uint64_t *word))
{
    uint64_t word[WORDS];

    for (size_t i = 0; i < WORDS; i++) {
        int tries = 0;

        while (!draw(&word[i]))
            if (++tries == TRIES)
                return false;
        if (i > 0 && word[i] == word[i - 1])
            return false;
    }
    mix(word, sizeof word);
    return true;
}

static void mix_processor(void)
{
    uint64_t now = rdtsc();

    mix(&now, sizeof now);
    if (cpuid(0).a >= 7 && (cpuid(7).b & 1u << 18) && mix_words(rdseed))
        sources |= RDSEED;
    if ((cpuid(1).c & 1u << 30) && mix_words(rdrand))
        sources |= RDRAND;
}

/* How long it takes to fetch from memory what is in no cache. */
static uint64_t measure(void)
{
    static char line[64];
    uint64_t before = rdtsc();

    __asm__ volatile("clflush %0\n\tmfence\n\tincb %0\n\tmfence"
                     : "+m"(line[0]));
    return rdtsc() - before;
}

static void seed(void)
{
    mix_processor();
    if (sources == 0) {
        if (!jitter_collect(key, measure))
            panic("this machine has no source of entropy: the processor has "
                  "none, the loader gives no seed, and the timing of memory "
                  "does not vary");
        sources = JITTER;
    }
    seeded = true;
}

void platform_entropy(void *data, size_t len)
{
    char *to = data;
    uint64_t input[RANDOM_MIXED / sizeof(uint64_t)] = {0};

    if (seeded)
        mix_processor();
    else
        seed();
    for (size_t n; len > 0; to += n, len -= n) {
        uint8_t out[RANDOM_KEY];

        n = len < sizeof out ? len : sizeof out;
        memcpy(out, key, sizeof out);
        input[0]++;
        random_mix(out, (const uint8_t *)input);
        memcpy(to, out, n);
    }
    input[0] = 0;
    random_mix(key, (const uint8_t *)input);
}

void entropy_seed(const void *data, size_t len)
{
    mix(data, len);
    if (len >= RANDOM_KEY)
        sources |= LOADER;
}

void entropy_report(void)
{
    if (sources & JITTER)
        log_warning(&entropy, "this machine has no source of random numbers: "
                              "ours come from the jitter of its timing alone");
    else
        log_info(&entropy, "seeded by%s%s%s",
                 sources & RDSEED ? " RDSEED" : "",
                 sources & RDRAND ? " RDRAND" : "",
                 sources & LOADER ? " the loader" : "");
}
