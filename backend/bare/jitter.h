/* SPDX-License-Identifier: ISC */
/*
 * jitter: entropy from how long the same work takes each time, where there is
 * no better source, with the health tests of NIST's SP 800-90B, 4.4.
 */
#ifndef BARE_JITTER_H
#define BARE_JITTER_H

#include <stdbool.h>
#include <stdint.h>

/* Does a little work; how long it took, in the finest unit that there is. */
typedef uint64_t jitter_measure(void);

/*
 * Mixes at least 256 bits of entropy into key, by random_mix. False: the
 * times, each time that we tried, were not as random as we need.
 */
bool jitter_collect(uint8_t *key, jitter_measure *measure);

#endif
