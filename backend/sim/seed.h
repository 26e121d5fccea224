/* SPDX-License-Identifier: ISC */
/* seed: what all chance in a simulated run comes from. */
#ifndef SIM_SEED_H
#define SIM_SEED_H

#include <stdint.h>

/* The next number of the sequence that *s stands in. */
uint64_t seed_next(uint64_t *s);

/* The seed of this run, from --seed or the host, who is then told. */
uint64_t seed_value(void);

void seed_set(uint64_t value);

#endif
