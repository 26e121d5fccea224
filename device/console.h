/* SPDX-License-Identifier: ISC */
/* console: what its front asks of itself. */
#ifndef DEVICE_CONSOLE_H
#define DEVICE_CONSOLE_H

#include <mirage/console.h>

/*
 * Takes c->reading. Input that is always there must not keep other fibers from
 * running either, and it ends for a fiber that is cancelled.
 */
MUST_CHECK enum status console_begin_reading(struct console *c);

#endif
