/* SPDX-License-Identifier: ISC */
/*
 * jitter: entropy from variations in the duration of the same work, with the
 * health tests of NIST SP 800-90B, 4.4.
 */
#ifndef BARE_JITTER_H
#define BARE_JITTER_H

#include <stdbool.h>
#include <stdint.h>

/* Does some work, and returns its duration in the finest unit available. */
typedef uint64_t jitter_measure(void);

/*
 * Mixes at least 256 bits of entropy into key, by random_mix. False: durations
 * failed the health tests in each of several attempts.
 */
bool jitter_collect(uint8_t *key, jitter_measure *measure);

#endif
