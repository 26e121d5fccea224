/* SPDX-License-Identifier: ISC */
/* shutdown: what `xl shutdown`, `xl reboot` and `xl save` ask for. */
#ifndef XEN_SHUTDOWN_H
#define XEN_SHUTDOWN_H

/* Listens to them, in a fiber of its own, from when fibers run. */
void shutdown_start(void);

/* Why a good end is one: SHUTDOWN_poweroff, or what was asked for. */
unsigned shutdown_reason(void);

#endif
