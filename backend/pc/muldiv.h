/* SPDX-License-Identifier: ISC */
/* muldiv: 128 bits divided by 64, which is one instruction of the processor and
 * 256 bytes of code in the compiler's library. */
#ifndef PC_MULDIV_H
#define PC_MULDIV_H

#include <stdint.h>

/* Returns a * b / divisor, or UINT64_MAX if that is larger, or the divisor is
 * 0. */
uint64_t muldiv(uint64_t a, uint64_t b, uint64_t divisor);

#endif
