/* SPDX-License-Identifier: ISC */
/* serial: the 16550 at 0x3f8. */
#ifndef PC_SERIAL_H
#define PC_SERIAL_H

#include <stdbool.h>
#include <stddef.h>

#define SERIAL_LINE 4 /* of the interrupt controller */

void serial_start(void);

/* Writes all of it, each line end as carriage return and line feed. */
void serial_write(const char *text, size_t len);

/* What has arrived, at most len bytes; 0: nothing. */
size_t serial_read(char *data, size_t len);

/* Interrupt when something arrives, from now on. */
void serial_listen(void);

/* Calls all who wait for input to look again; from platform_wait. */
void serial_wake(void);

#endif
