/* SPDX-License-Identifier: ISC */
/* start: what a loader tells an image, and how the image begins with it. */
#ifndef BARE_START_H
#define BARE_START_H

#include "pages.h"

struct hvm_start_info;

#define START_REGIONS 32
#define START_LINE    2048 /* bytes of the command line, with its NUL */

struct start {
    struct region region[START_REGIONS]; /* of memory */
    size_t regions;
    char command_line[START_LINE];
};

/* Regions beyond START_REGIONS are left unused; the log says so. */
void start_add_region(struct start *s, uint64_t base, uint64_t size);

/* Copies text, of which there may be max bytes and no NUL; NULL: none. */
void start_set_line(struct start *s, const char *text, size_t max);

/* What PVH tells: xen/arch-x86/hvm/start_info.h. */
void start_read_pvh(struct start *s, const struct hvm_start_info *info);

/*
 * The rest of the image's life: constructors, boot arguments, jobs. Memory,
 * console, clock and traps work. Keeps s.
 */
void start_image(struct start *s) __attribute__((noreturn));

#endif
