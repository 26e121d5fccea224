/* SPDX-License-Identifier: ISC */
/*
 * memcpy, memmove and memset. Newlib's use non-temporal stores from 256 bytes
 * on, so that copied data is not in the caches, and single bytes below 16.
 *
 * A short block is moved as two words that may overlap, both of which are read
 * before one is written; a longer one in steps of 16 bytes, and then its last
 * 16 bytes.
 */
#include <stdint.h>
#include <string.h>

/* Words of any alignment, over memory of any type. */
typedef uint16_t two __attribute__((aligned(1), may_alias));
typedef uint32_t four __attribute__((aligned(1), may_alias));
typedef uint64_t eight __attribute__((aligned(1), may_alias));
typedef uint64_t sixteen
    __attribute__((vector_size(16), aligned(1), may_alias));

/* Keeps compilers from replacing a loop by a call of the function that contains
 * it. */
#define NO_CALL __asm__ volatile("" :: \
                                     : "memory")

#define ENDS(type, to, from, len)                                  \
    do {                                                           \
        type first = *(const type *)(from);                        \
        type last = *(const type *)((from) + (len) - sizeof last); \
        *(type *)(to) = first;                                     \
        *(type *)((to) + (len) - sizeof last) = last;              \
    } while (0)

/* Moves at most 32 bytes. */
static inline void move_few(char *to, const char *from, size_t len)
{
    if (len > 16)
        ENDS(sixteen, to, from, len);
    else if (len >= 8)
        ENDS(eight, to, from, len);
    else if (len >= 4)
        ENDS(four, to, from, len);
    else if (len >= 2)
        ENDS(two, to, from, len);
    else if (len == 1)
        *to = *from;
}

/* Moves more than 32 bytes, ascending: `to` is below `from`, or they do not
 * overlap. */
static inline void move_up(char *to, const char *from, size_t len)
{
    sixteen last = *(const sixteen *)(from + len - 16);
    char *end = to + len - 16;

    for (; len > 64; len -= 64, to += 64, from += 64) {
        sixteen a = *(const sixteen *)from, b = *(const sixteen *)(from + 16);
        sixteen c = *(const sixteen *)(from + 32);
        sixteen d = *(const sixteen *)(from + 48);

        NO_CALL;
        *(sixteen *)to = a;
        *(sixteen *)(to + 16) = b;
        *(sixteen *)(to + 32) = c;
        *(sixteen *)(to + 48) = d;
    }
    for (; len > 16; len -= 16, to += 16, from += 16) {
        *(sixteen *)to = *(const sixteen *)from;
        NO_CALL;
    }
    *(sixteen *)end = last;
}

/* Moves more than 32 bytes, descending: `to` is above `from`. */
static inline void move_down(char *to, const char *from, size_t len)
{
    sixteen first = *(const sixteen *)from;
    char *begin = to;

    for (; len > 16; len -= 16) {
        *(sixteen *)(to + len - 16) = *(const sixteen *)(from + len - 16);
        NO_CALL;
    }
    *(sixteen *)begin = first;
}

void *memcpy(void *restrict to, const void *restrict from, size_t len)
{
    if (len <= 32)
        move_few(to, from, len);
    else
        move_up(to, from, len);
    return to;
}

void *memmove(void *to, const void *from, size_t len)
{
    if (len <= 32)
        move_few(to, from, len);
    else if ((uintptr_t)to - (uintptr_t)from >= len)
        move_up(to, from, len);
    else
        move_down(to, from, len);
    return to;
}

void *memset(void *data, int value, size_t len)
{
    uint64_t word = 0x0101010101010101u * (unsigned char)value;
    sixteen words = {word, word};
    char *at = data;
    char *end = at + len;

    if (len >= 16) {
        for (; end - at > 16; at += 16) {
            *(sixteen *)at = words;
            NO_CALL;
        }
        *(sixteen *)(end - 16) = words;
    } else if (len >= 8) {
        *(eight *)at = word;
        *(eight *)(end - 8) = word;
    } else if (len >= 4) {
        *(four *)at = (uint32_t)word;
        *(four *)(end - 4) = (uint32_t)word;
    } else {
        for (; at < end; at++) {
            *at = (char)value;
            NO_CALL;
        }
    }
    return data;
}
