/* SPDX-License-Identifier: ISC */
/* console: shared by the two files of the console's front. */
#ifndef DEVICE_CONSOLE_H
#define DEVICE_CONSOLE_H

#include <mirage/console.h>

/*
 * Locks c->reading, and yields, so that input without end neither keeps other
 * fibers waiting nor goes on in a cancelled fiber. ERR_CANCELLED: not locked.
 */
MUST_CHECK enum status console_begin_reading(struct console *c);

#endif
