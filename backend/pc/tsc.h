/* SPDX-License-Identifier: ISC */
/* tsc: the rate of the time-stamp counter. */
#ifndef PC_TSC_H
#define PC_TSC_H

#include <stdint.h>

/* Ticks a second. 0: not known, or the TSC is not invariant. */
uint64_t tsc_rate(void);

#endif
