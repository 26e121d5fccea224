/* SPDX-License-Identifier: ISC */
/* traps: exceptions and interrupts. */
#ifndef X86_64_TRAPS_H
#define X86_64_TRAPS_H

#include <stdbool.h>
#include <stdint.h>

/* The interrupts that came since somebody cleared their bits. */
extern volatile uint32_t interrupts_taken;

/* Exceptions are reported from now on. */
void traps_init(void);

/* Interrupts can be let in from now on. False: no page for tables. */
bool interrupts_init(void);

/* Lets this line of the interrupt controller in, while the image idles. */
void interrupt_enable(unsigned line);

#endif
