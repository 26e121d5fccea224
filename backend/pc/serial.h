/* SPDX-License-Identifier: ISC */
/* serial: the first serial port of a PC, a 16550 at 0x3f8. */
#ifndef PC_SERIAL_H
#define PC_SERIAL_H

#include <stdbool.h>
#include <stddef.h>

#define SERIAL_LINE 4 /* of the interrupt controller */

/* Sets the port up, without interrupts. */
void serial_start(void);

/* Is there such a port? What is written to one that is not there is lost, and
 * nothing is read. */
bool serial_exists(void);

/* Writes all of text, each line end as carriage return and line feed. Waits for
 * the transmitter. */
void serial_write(const char *text, size_t len);

/* Reads what has arrived, at most len bytes. Returns how many; 0: nothing. */
size_t serial_read(char *data, size_t len);

/* Has the port interrupt whenever something arrives. */
void serial_enable_interrupt(void);

#endif
