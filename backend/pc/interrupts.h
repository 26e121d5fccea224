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

struct interrupt;

/* The vectors that have interrupted since interrupts_deliver, a bit for each,
 * and how many interrupts have no end yet. interrupts.S sets both. */
extern volatile uint32_t interrupts_taken, interrupts_open;

/*
 * Sets the controller up; interrupts can be enabled from then on. False: there
 * is no controller that is known, or no page for tables.
 */
bool interrupts_start(void);

/* Calls the handlers of the vectors that have interrupted, and sends the ends
 * of the interrupts. Interrupts are disabled. */
void interrupts_deliver(void);

/* Adds an I/O APIC at a physical address, whose pins are numbered from first
 * on. The one at 0xfec00000, from 0 on, is there. False: there are too many, or
 * no page for tables. */
bool interrupts_add_io_apic(uint64_t address, unsigned first);

/*
 * As interrupt_listen, for a pin of any I/O APIC, active high. With is_level
 * the handler must have the device lower the line. i->line is set to the
 * vector. A pin may have several handlers; a handler may be called without an
 * interrupt of its device. False: no I/O APIC has such a pin.
 */
bool interrupt_listen_pin(struct interrupt *i, unsigned pin, bool is_level);

/* As interrupt_listen, for messages (MSI): a device interrupts by writing *data
 * to the physical *address. Handlers may be called for others' messages. */
void interrupt_listen_message(struct interrupt *i, uint64_t *address,
                              uint32_t *data);

/* Has i called, too, for the vector i->line, which another handler has. */
void interrupt_listen_vector(struct interrupt *i);

/*
 * The timer counts down from count (at least 1), at a rate that is not known,
 * and interrupts once at 0; timer_left is how far it still has to count.
 */
void timer_set(uint32_t count);
uint32_t timer_left(void);

#endif
