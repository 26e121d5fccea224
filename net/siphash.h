/* SPDX-License-Identifier: ISC */
/*
 * siphash: SipHash-2-4 (Aumasson and Bernstein, 2012), a keyed hash. Without
 * the key its values cannot be predicted, nor collisions found.
 */
#ifndef NET_SIPHASH_H
#define NET_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
    uint64_t word[2];
};

uint64_t siphash(const struct siphash_key *key, const void *data, size_t len);

#endif
