/* SPDX-License-Identifier: ISC */
/* traps: exceptions, and the processor's table of where to go. */
#ifndef ARCH_TRAPS_H
#define ARCH_TRAPS_H

#include <stdint.h>

#define EXCEPTIONS 32 /* vectors; interrupts come after them */
#define TRAP_ENTRY 9 /* bytes of code for each, in traps.S */

/* Exceptions are reported from now on. */
void traps_init(void);

/* Goes to at on this vector, on the running stack if it is an interrupt. */
void trap_gate(unsigned vector, uint64_t at);

#endif
