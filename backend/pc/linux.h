/* SPDX-License-Identifier: ISC */
/* linux: being started as Linux is. */
#ifndef PC_LINUX_H
#define PC_LINUX_H

#include <bare/start.h>

struct boot_params;

/*
 * Defined by the target. linux.S calls it in 64-bit mode, on the boot stack,
 * when the image was entered by Linux's boot protocol. Does not return.
 */
void linux_start(const struct boot_params *params);

/* Memory, the command line, and a seed for the entropy if there is one. */
void start_read_linux(struct start *s, const struct boot_params *p);

#endif
