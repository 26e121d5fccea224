/* SPDX-License-Identifier: ISC */
/* start: what a loader tells an image, and how the image begins with it. */
#ifndef BARE_START_H
#define BARE_START_H

#include "pages.h"
#include <mirage/machine.h>

#define START_REGIONS 32

struct start {
    struct region region[START_REGIONS]; /* of memory */
    size_t regions;
    char command_line[START_LINE];
};

/*
 * The rest of the image's life: constructors, boot arguments, jobs. Memory,
 * console, clock and traps work. Keeps s.
 */
void start_image(struct start *s) __attribute__((noreturn));

#endif
