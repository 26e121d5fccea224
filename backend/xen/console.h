/* SPDX-License-Identifier: ISC */
/*
 * console: Xen's console ring (xen/io/console.h), and before it is found the
 * hypervisor's own console, which shows what guests say on most of its builds.
 */
#ifndef XEN_CONSOLE_H
#define XEN_CONSOLE_H

#include <stdbool.h>

/* xen.console is there from now on. */
void console_start(void);

/*
 * Has the reader of the ring told of what was put into it. is_busy: the image
 * does not idle, so not too often.
 */
void console_flush(bool is_busy);

/* The image is another domain now, with xen.console's port; the ring is as it
 * was, or empty. */
void console_resume(void);

/*
 * For the end: waits until the reader has taken all, unless it does nothing
 * for seconds; and a moment longer.
 */
void console_drain(void);

#endif
