/* SPDX-License-Identifier: ISC */
/* DIV (Intel's manual, volume 2A) faults if the quotient exceeds 64 bits. */
#include "muldiv.h"

uint64_t muldiv(uint64_t a, uint64_t b, uint64_t divisor)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    uint64_t high = (uint64_t)(product >> 64), quotient;

    if (high >= divisor)
        return UINT64_MAX;
    __asm__("divq %2"
            : "=a"(quotient), "+d"(high)
            : "r"(divisor), "a"((uint64_t)product)
            : "cc");
    return quotient;
}
