/* SPDX-License-Identifier: ISC */
/*
 * random: unpredictable bytes, fit for keys.
 *
 * A ChaCha20 generator with fast key erasure (RFC 8439, 2.3; the key is
 * replaced with every refill, so what was given out cannot be computed from
 * the memory of later). Seeded by the platform before it gives the first byte;
 * where there is no entropy the image panics. Never blocks, never fails.
 */
#ifndef MIRAGE_RANDOM_H
#define MIRAGE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

void random_bytes(void *data, size_t len);

/* Even over [0, bound). bound must not be zero. */
uint32_t random_below(uint32_t bound);

#endif
