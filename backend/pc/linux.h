/* SPDX-License-Identifier: ISC */
/* linux: entry by the Linux boot protocol (Linux's
 * Documentation/arch/x86/boot.rst). */
#ifndef PC_LINUX_H
#define PC_LINUX_H

#include <bare/start.h>

struct boot_params;

/* Reads the memory map, the command line, and the entropy seed if there is
 * one. */
void start_read_linux(struct start *s, const struct boot_params *p);

/* The 64-bit entry, which linux.S calls on the boot stack. Does not return. */
void linux_start(const struct boot_params *params);

#endif
