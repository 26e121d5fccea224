/* SPDX-License-Identifier: ISC */
/* chacha20: the block function of RFC 8439, 2.3. */
#ifndef CORE_CHACHA20_H
#define CORE_CHACHA20_H

#include <mirage/platform.h>
#include <stddef.h>
#include <stdint.h>

#define CHACHA20_BLOCK 64

/* Sets constants and key, and clears counter and nonce (words 12 to 15). */
void chacha20_state(uint32_t state[16], const uint8_t key[RANDOM_KEY]);

void chacha20_block(const uint32_t state[16], uint8_t out[CHACHA20_BLOCK]);

/* Clears memory that is not read again; the compiler does not drop the call. */
void wipe(void *data, size_t len);

#endif
