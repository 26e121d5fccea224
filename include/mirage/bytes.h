/* SPDX-License-Identifier: ISC */
/*
 * bytes: integers in a given byte order, at any address. Protocols of the
 * Internet are big-endian, most devices little-endian. Integers in memory are
 * in the order of the processor: only parsers and emitters call these.
 */
#ifndef MIRAGE_BYTES_H
#define MIRAGE_BYTES_H

#include <stdint.h>

/* gcc's estimate of their sizes is too high for -Os: each becomes a load or a
 * store, and bswap. */
#define BYTES_INLINE inline __attribute__((always_inline))

static BYTES_INLINE uint16_t get_be16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static BYTES_INLINE uint32_t get_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 |
           p[3];
}

static BYTES_INLINE void put_be16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static BYTES_INLINE void put_be32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

static BYTES_INLINE uint16_t get_le16(const uint8_t *p)
{
    return (uint16_t)(p[1] << 8 | p[0]);
}

/* As one access of memory: all our processors are little-endian. */
static BYTES_INLINE uint32_t get_le32(const uint8_t *p)
{
    uint32_t v;

    __builtin_memcpy(&v, p, sizeof v);
    return v;
}

static BYTES_INLINE uint64_t get_le64(const uint8_t *p)
{
    uint64_t v;

    __builtin_memcpy(&v, p, sizeof v);
    return v;
}

static BYTES_INLINE void put_le16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

#endif
