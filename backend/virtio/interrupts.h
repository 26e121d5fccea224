/* SPDX-License-Identifier: ISC */
/* interrupts: the lines of a PC's interrupt controller. */
#ifndef VIRTIO_INTERRUPTS_H
#define VIRTIO_INTERRUPTS_H

#include <stdbool.h>
#include <stdint.h>

/* The interrupts that came since somebody cleared their bits. */
extern volatile uint32_t interrupts_taken;

/* Interrupts can be let in from now on. False: no page for tables. */
bool interrupts_init(void);

/* Lets this line of the controller in, while the image idles. */
void interrupt_enable(unsigned line);

#endif
