/* SPDX-License-Identifier: ISC */
/* tsc: the rate of the processor's counter, where somebody tells it. */
#ifndef PC_TSC_H
#define PC_TSC_H

#include <stdint.h>

/* Ticks a second; 0: nobody tells, or it does not run evenly. */
uint64_t tsc_rate(void);

#endif
