/* SPDX-License-Identifier: ISC */
/*
 * console: Xen's console ring (xen/io/console.h). Before the ring is found,
 * output goes to the hypervisor's own console.
 */
#ifndef XEN_CONSOLE_H
#define XEN_CONSOLE_H

#include <stdbool.h>

/* Uses the ring in xen.console from now on. */
void console_start(void);

/*
 * Notifies the reader of the ring (xenconsoled) of new output. is_busy: the
 * image does not idle, so at most once in 10 ms.
 */
void console_flush(bool is_busy);

/* The image is another domain now: continues with the port of xen.console. The
 * toolstack has left the ring as it was, or emptied it. */
void console_resume(void);

/*
 * Blocks the virtual machine until the reader has taken all output, or has
 * taken nothing for 5 s, and 200 ms longer. For the image's end.
 */
void console_drain(void);

#endif
