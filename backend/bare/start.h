/* SPDX-License-Identifier: ISC */
/* start: what a loader says, and the start of the image with it. */
#ifndef BARE_START_H
#define BARE_START_H

#include "pages.h"
#include <mirage/bare.h>
#include <mirage/machine.h>

#define START_REGIONS 32

struct start {
    struct region region[START_REGIONS]; /* of memory */
    size_t regions;
    char command_line[START_LINE];
    uint64_t rsdp; /* the physical address of ACPI's first table; 0: unknown */
};

/* Does [from, to) overlap memory of the image, or page zero, where no device
 * and no table is? */
static inline bool start_is_memory(const struct start *s, uint64_t from,
                                   uint64_t to)
{
    for (size_t i = 0; i < s->regions; i++)
        if (from < s->region[i].base + s->region[i].size &&
            s->region[i].base < to)
            return true;
    return from < BARE_PAGE;
}

/*
 * Runs constructors, and the image with the boot arguments in s, to its end.
 * Memory, console, clock and traps must work. Keeps s.
 */
void start_image(struct start *s) __attribute__((noreturn));

#endif
