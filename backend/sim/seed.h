/* SPDX-License-Identifier: ISC */
/* seed: the source of all random numbers of a simulated run. */
#ifndef SIM_SEED_H
#define SIM_SEED_H

#include <stdint.h>

/* Returns the next number of the sequence whose state is *s. */
uint64_t seed_next(uint64_t *s);

/* The seed of this run: that of --seed, or a random one, which is printed. */
uint64_t seed_value(void);

void seed_set(uint64_t value);

#endif
