/* SPDX-License-Identifier: ISC */
/* machine: what the loader of a PC said. */
#ifndef PC_MACHINE_H
#define PC_MACHINE_H

#include <bare/start.h>

extern struct start machine_start;

#endif
