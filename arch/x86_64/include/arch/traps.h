/* SPDX-License-Identifier: ISC */
/* traps: exceptions, and the interrupt descriptor table. */
#ifndef ARCH_TRAPS_H
#define ARCH_TRAPS_H

#include <stdint.h>

#define EXCEPTIONS 32 /* vectors; those of interrupts follow */
#define INTERRUPTS 32 /* at most, from EXCEPTIONS on */
#define TRAP_ENTRY 9 /* bytes of code for each, in traps.S */

/* Loads the descriptor tables: exceptions end in crash reports from now on. */
void traps_init(void);

/* Sets the handler of a vector. Interrupts run on the interrupted stack. */
void trap_gate(unsigned vector, uint64_t at);

#endif
