/* SPDX-License-Identifier: ISC */
/* decimal: the exact decimal digits of a double, for printf conversions. */
#ifndef CORE_DECIMAL_H
#define CORE_DECIMAL_H

/*
 * The value 0.d1d2d3... * 10^point. A double has at most 1,074 digits after the
 * point, and not all of them beside 309 before it.
 */
struct decimal {
    char digit[1100]; /* 0 to 9; the first is not 0, unless the value is 0 */
    int count, point;
};

/* Converts the absolute value of a finite double. The last digit is not 0. */
void decimal_of(struct decimal *out, double value);

/*
 * Rounds half to even (IEEE 754, 4.3.1) to the first `keep` digits. With a
 * negative keep the value is less than a tenth of the last place: it becomes 0.
 */
void decimal_round(struct decimal *d, int keep);

/* The digit at index i as a character; '0' outside of those that there are. */
static inline char decimal_digit(const struct decimal *d, int i)
{
    return (char)('0' + (i >= 0 && i < d->count ? d->digit[i] : 0));
}

#endif
