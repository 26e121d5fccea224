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

void        store_init(void);
void        store_tell(void);
void        store_act(void);
nanoseconds store_next(void);

#endif
