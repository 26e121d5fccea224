/* SPDX-License-Identifier: ISC */
/*
 * interrupts: the interrupt controller of a PC and its timer. Drivers register
 * handlers of lines with interrupt_listen (mirage/machine.h).
 */
#ifndef PC_INTERRUPTS_H
#define PC_INTERRUPTS_H

#include <stdbool.h>
#include <stdint.h>

#define TIMER_LINE 0 /* the timer interrupts as this line */

/* The lines that have interrupted since interrupts_deliver, a bit for each.
 * interrupts.S sets them. */
extern volatile uint32_t interrupts_taken;

/*
 * Sets the controller up; interrupts can be enabled from then on. False: there
 * is no controller that is known, or no page for tables.
 */
bool interrupts_start(void);

/* Calls the handlers of the lines that have interrupted. Interrupts are
 * disabled. */
void interrupts_deliver(void);

/*
 * The timer counts down from count (at least 1), at a rate that is not known,
 * and interrupts once at 0; timer_left is how far it still has to count.
 */
void timer_set(uint32_t count);
uint32_t timer_left(void);

#endif
