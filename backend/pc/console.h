/* SPDX-License-Identifier: ISC */
/*
 * console: where log and input of a PC without a serial port go. Both functions
 * are weak here (the serial port all the same); backend/virtio/console_virtio.c
 * has its own, in images that it is linked with.
 */
#ifndef PC_CONSOLE_H
#define PC_CONSOLE_H

#include <mirage/console.h>
#include <stddef.h>

/* For platform_put: may be called in any state. */
void console_put(const char *text, size_t len);

/* Returns the console to read from: serial, or one in its place. */
struct console *console_input(struct console *serial);

#endif
