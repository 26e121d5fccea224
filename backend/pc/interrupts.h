/* SPDX-License-Identifier: ISC */
/* interrupts: the lines of a PC's interrupt controller, and its timer. */
#ifndef PC_INTERRUPTS_H
#define PC_INTERRUPTS_H

#include <stdbool.h>
#include <stdint.h>

#define TIMER_LINE 0 /* the timer comes as this line */

/* The interrupts that came since somebody cleared their bits. */
extern volatile uint32_t interrupts_taken;

/*
 * Interrupts can be let in from now on. False: there is no controller that we
 * know, or no page for tables.
 */
bool interrupts_init(void);

/* Lets this line of the controller in, while the image idles. */
void interrupt_enable(unsigned line);

/* The timer interrupts, once, when it has counted so far (at least 1), at a
 * rate that nobody tells; how far it has to count yet. */
void interrupt_after(uint32_t count);
uint32_t interrupt_count_left(void);

#endif
