/* SPDX-License-Identifier: ISC */
/* start: what a loader says, and the start of the image with it. */
#ifndef BARE_START_H
#define BARE_START_H

#include "pages.h"
#include <mirage/machine.h>

#define START_REGIONS 32

struct start {
    struct region region[START_REGIONS]; /* of memory */
    size_t regions;
    char command_line[START_LINE];
    uint64_t rsdp; /* the physical address of ACPI's first table; 0: unknown */
};

/*
 * Runs constructors, and the image with the boot arguments in s, to its end.
 * Memory, console, clock and traps must work. Keeps s.
 */
void start_image(struct start *s) __attribute__((noreturn));

#endif
