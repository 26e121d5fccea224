/* SPDX-License-Identifier: ISC */
/* daemons: the calls of the fake hypervisor to its daemons. */
#ifndef XEN_FAKE_DAEMONS_H
#define XEN_FAKE_DAEMONS_H

#include <mirage/time.h>
#include <stddef.h>

/* A zeroed page that begins with size bytes of a ring. The rest may not be
 * touched. */
void *fake_ring_page(size_t size);

void console_init(void);
void console_notify(void);

/* Does the work that is due. */
void console_act(void);

/* When the next work is due. FOREVER: not before it is notified. */
nanoseconds console_next(void);

/* The present port in the place of one that the image was given at its start.
 */
unsigned fake_port(unsigned port);

/* The image is another domain now: forget all state. */
void console_restore(void);
void store_restore(void);
void backends_restore(void);
void grants_restore(void);

void store_init(void);
void store_notify(void);
void store_act(void);
nanoseconds store_next(void);

/* An entry of the store has changed; an event was sent to a port. False: no
 * backend has that port. */
void backends_on_write(const char *path);
bool backends_on_event(unsigned port);
void backends_act(void);
nanoseconds backends_next(void);

/* The image frees these pages. Fails the test if one is granted. */
void grants_freed(const void *pages, size_t count);

#endif
