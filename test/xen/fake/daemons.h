/* SPDX-License-Identifier: ISC */
/* daemons: what the fake hypervisor asks of its daemons. */
#ifndef XEN_FAKE_DAEMONS_H
#define XEN_FAKE_DAEMONS_H

#include <mirage/time.h>

void console_init(void);
void console_tell(void);

/* Does what it is time for. */
void console_act(void);

/* When there will be something to do; FOREVER: not unless it is told. */
nanoseconds console_next(void);

/* The port that has taken the place of one of those that the image was given
 * at its start. */
unsigned fake_port(unsigned port);

/* The image is another domain now: nothing is known of it. */
void console_restore(void);
void store_restore(void);
void backends_restore(void);
void grants_restore(void);

void store_init(void);
void store_tell(void);
void store_act(void);
nanoseconds store_next(void);

/* A part of the store has changed; an event was sent to a port. False: the port
 * is none of theirs. */
void backends_see(const char *path);
bool backends_tell(unsigned port);
void backends_act(void);
nanoseconds backends_next(void);

/* The image gives these pages back: fails the test if they are granted. */
void grants_freed(const void *pages, size_t count);

#endif
