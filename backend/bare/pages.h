/* SPDX-License-Identifier: ISC */
/*
 * pages: the page allocator of a bare image.
 *
 * Each free extent is described in its own first page, so no other memory is
 * touched. Allocation is first fit, from an extent's end; adjacent extents are
 * merged. Both take about 2 log2(n) steps for n extents. Memory from 1 TiB on
 * is not used.
 */
#ifndef BARE_PAGES_H
#define BARE_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A range of physical memory, which is mapped at the same virtual addresses. */
struct region {
    uint64_t base, size;
};

/* Frees pages, or adds ones that are new. They must be mapped. */
void pages_release(void *pages, size_t count);

/* Allocates count contiguous pages, uncleared. NULL: no free extent is as
 * large. */
void *pages_alloc(size_t count);

/*
 * Maps memory that is not mapped yet and releases it: count contiguous pages if
 * possible, else all that is left. False: nothing was released, which is also
 * so if count exceeds all memory. Defined by the target.
 */
bool pages_map_more(size_t count);

/* The number of free pages, and of those that pages_map_more has not mapped
 * yet, which the target defines. */
size_t pages_free_count(void);
size_t pages_unmapped_count(void);

/*
 * Maps the regions, except page zero and the image itself, in page tables of
 * our own, which are used from then on, and releases their pages. Ends the
 * image with a message if there is too little memory.
 */
void pages_start(const struct region *regions, size_t count);

#endif
