/* SPDX-License-Identifier: ISC */
/*
 * Data from the sources is mixed piece by piece into a key: each step is
 * ChaCha20 under the present key with the piece as input, and its result is the
 * next key, so that a bad source cannot weaken a good one. Output is generated
 * under the present key, which is then replaced.
 */
#include "entropy.h"
#include "jitter.h"
#include <arch/cpu.h>
#include <arch/random.h>
#include <mirage/log.h>
#include <mirage/panic.h>
#include <mirage/platform.h>
#include <string.h>

#define WORDS 8 /* drawn at a time: twice the length of the key */
#define TRIES 1000

LOG_SOURCE(entropy);

enum { LOADER = 1 << RANDOM_INSTRUCTIONS,
       JITTER = 2 << RANDOM_INSTRUCTIONS,
       DEVICE = 4 << RANDOM_INSTRUCTIONS };

static uint8_t key[RANDOM_KEY];
static unsigned sources; /* these, and a bit for each instruction */
static bool seeded;
static size_t from_device; /* bytes */

bool entropy_is_weak(void)
{
    return (sources & ~(unsigned)JITTER) == 0;
}

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

/* Some processors have an instruction that always succeeds with one value. */
static bool mix_words(unsigned instruction)
{
    uint64_t word[WORDS];

    for (size_t i = 0; i < WORDS; i++) {
        int tries = 0;

        while (!random_draw(instruction, &word[i]))
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
    uint64_t now = read_cycles();
    unsigned there = random_instructions();

    mix(&now, sizeof now);
    for (unsigned i = 0; i < RANDOM_INSTRUCTIONS; i++)
        if ((there & 1u << i) && mix_words(i))
            sources |= 1u << i;
}

/* Measures a read from memory of a line that no cache holds. */
static uint64_t measure(void)
{
    static volatile char line[64];
    uint64_t before = read_cycles();

    flush_line((const char *)line);
    line[0]++;
    full_fence();
    return read_cycles() - before;
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

void entropy_device(const void *data, size_t len)
{
    mix(data, len);
    from_device += len;
    if (from_device >= RANDOM_KEY && !(sources & DEVICE)) {
        sources |= DEVICE;
        log_info(&entropy, "seeded by a device, too");
    }
}

void entropy_report(void)
{
    if (entropy_is_weak())
        log_warning(&entropy, "this machine has no source of random numbers: "
                              "ours come from the jitter of its timing alone");
    else if (sources & ~(unsigned)(JITTER | DEVICE))
        log_info(&entropy, "seeded by%s%s%s",
                 sources & 1 ? random_names[0] : "",
                 sources & 2 ? random_names[1] : "",
                 sources & LOADER ? " the loader" : "");
}
