/* SPDX-License-Identifier: ISC */
/*
 * random: cryptographically secure random bytes.
 *
 * A ChaCha20 generator (RFC 8439, 2.3) with fast key erasure: each refill
 * replaces the key, so that earlier output cannot be computed from a later
 * state of memory. The platform seeds it before the first byte; an image
 * without a source of entropy panics. Does not block, and does not fail.
 */
#ifndef MIRAGE_RANDOM_H
#define MIRAGE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Fills the len bytes at data. */
void random_bytes(void *data, size_t len);

/* Returns a number that is uniformly distributed over [0, bound). Panics if
 * bound is zero. */
uint32_t random_below(uint32_t bound);

#endif
