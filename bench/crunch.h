/* SPDX-License-Identifier: ISC */
/* crunch: the keys that both programs look up, in the same order. */
#ifndef BENCH_CRUNCH_H
#define BENCH_CRUNCH_H

#include <stdint.h>
#include <stdio.h>

#define KEYS    10000
#define LOOKUPS 4000000

static char keys[KEYS][32];

/* Sorted as by strcmp. */
static inline void make_keys(void)
{
    for (unsigned i = 0; i < KEYS; i++)
        snprintf(keys[i], sizeof keys[i], "pages/%02u/index-%05u.html",
                 i / 100, i);
}

/* The next number of a sequence that is the same in each run. */
static inline unsigned next_key(void)
{
    static uint32_t x = 1;

    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return x % KEYS;
}

#endif
