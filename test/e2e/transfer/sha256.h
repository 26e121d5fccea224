/* SPDX-License-Identifier: ISC */
/* SHA-256 (FIPS 180-4). */
#ifndef TRANSFER_SHA256_H
#define TRANSFER_SHA256_H

#include <stddef.h>
#include <stdint.h>

struct sha256 {
    uint32_t state[8];
    uint64_t len;
    uint8_t block[64];
};

void sha256_begin(struct sha256 *h);
void sha256_add(struct sha256 *h, const uint8_t *data, size_t len);
/* Writes the digest in hexadecimal digits, with a NUL. */
void sha256_end(struct sha256 *h, char text[65]);

#endif
