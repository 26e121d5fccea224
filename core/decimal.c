/* SPDX-License-Identifier: ISC */
/*
 * Conversion of a double to decimal by arithmetic on arrays of 32-bit limbs:
 * an integer part is divided by ten until nothing is left, a fraction is
 * multiplied by ten. Exact, if not fast.
 */
#include "decimal.h"
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Multiplies the limbs (least significant first) by ten; returns the carry. */
static uint32_t multiply_by_ten(uint32_t *limb, int limbs)
{
    uint64_t c = 0;

    for (int i = 0; i < limbs; i++) {
        c += (uint64_t)limb[i] * 10;
        limb[i] = (uint32_t)c;
        c >>= 32;
    }
    return (uint32_t)c;
}

/* Divides the limbs by ten and returns the remainder. */
static unsigned divide_by_ten(uint32_t *limb, int limbs)
{
    uint64_t rest = 0;

    for (int i = limbs - 1; i >= 0; i--) {
        rest = rest << 32 | limb[i];
        limb[i] = (uint32_t)(rest / 10);
        rest %= 10;
    }
    return (unsigned)rest;
}

static bool all_zero(const uint32_t *limb, int limbs)
{
    for (int i = 0; i < limbs; i++)
        if (limb[i])
            return false;
    return true;
}

/* Appends the digits of the integer mantissa * 2^exponent. */
static void whole_digits(struct decimal *out, uint64_t mantissa, int exponent)
{
    uint32_t limb[34] = {0};
    char backwards[312];
    int n = 0, at = exponent / 32, shift = exponent % 32;

    limb[at] = (uint32_t)(mantissa << shift);
    limb[at + 1] = (uint32_t)(mantissa >> (32 - shift));
    limb[at + 2] = shift ? (uint32_t)(mantissa >> (64 - shift)) : 0;
    while (!all_zero(limb, 34))
        backwards[n++] = (char)divide_by_ten(limb, 34);
    out->point = n;
    while (n > 0)
        out->digit[out->count++] = backwards[--n];
}

/* Appends the digits of mantissa / 2^places, where mantissa < 2^53. */
static void fraction_digits(struct decimal *out, uint64_t mantissa, int places)
{
    /* A binary fraction: the point is to the left of the top limb. */
    uint32_t limb[36] = {0};
    int limbs = (places + 31) / 32;
    int up = limbs * 32 - places; /* shift that aligns it to whole limbs */

    limb[0] = (uint32_t)(mantissa << up);
    limb[1] = (uint32_t)(mantissa >> (32 - up));
    limb[2] = up ? (uint32_t)(mantissa >> (64 - up)) : 0;
    while (!all_zero(limb, limbs)) {
        char digit = (char)multiply_by_ten(limb, limbs);

        if (out->count == 0 && digit == 0)
            out->point--; /* leading zeros are not kept */
        else
            out->digit[out->count++] = digit;
    }
}

/* Appends the digits of mantissa / 2^places: integer part, then fraction. */
static void mixed_digits(struct decimal *out, uint64_t mantissa, int places)
{
    if (places < 64 && mantissa >> places) {
        whole_digits(out, mantissa >> places, 0);
        mantissa &= ((uint64_t)1 << places) - 1;
    }
    fraction_digits(out, mantissa, places);
}

void decimal_of(struct decimal *out, double value)
{
    uint64_t bits, mantissa;
    int exponent;

    memcpy(&bits, &value, sizeof bits);
    mantissa = bits & 0xfffffffffffffu;
    exponent = (int)(bits >> 52 & 0x7ff);
    out->count = out->point = 0;
    if (exponent > 0)
        mantissa |= (uint64_t)1 << 52;
    else
        exponent = 1;
    exponent -= 1075; /* value = mantissa * 2^exponent */
    if (exponent >= 0)
        whole_digits(out, mantissa, exponent);
    else
        mixed_digits(out, mantissa, -exponent);
    /* decimal_round recognises a half by its 5 being the last digit. */
    while (out->count > 0 && out->digit[out->count - 1] == 0)
        out->count--;
}

void decimal_round(struct decimal *d, int keep)
{
    bool up, half;

    if (keep >= d->count)
        return;
    if (keep < 0) {
        d->count = 0;
        return;
    }
    half = d->digit[keep] == 5 && keep + 1 == d->count;
    up = half ? keep > 0 && d->digit[keep - 1] % 2 : d->digit[keep] >= 5;
    d->count = keep;
    if (!up)
        return;
    while (keep > 0 && d->digit[keep - 1] == 9)
        d->digit[--keep] = 0;
    if (keep > 0) {
        d->digit[keep - 1]++;
        return;
    }
    memmove(d->digit + 1, d->digit, (size_t)d->count);
    d->digit[0] = 1;
    d->count++;
    d->point++;
}
