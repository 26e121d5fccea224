/* SPDX-License-Identifier: ISC */
/*
 * pages: the memory of a bare image.
 *
 * Free memory is a tree of extents, each noted in its own first page, so that
 * nothing else is touched, however much there is. Taking is first fit, from
 * an extent's end; extents that meet become one. Both take about 2 log2(n)
 * steps where there are n extents. Memory from 1 TiB on is left alone.
 */
#ifndef BARE_PAGES_H
#define BARE_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Memory that is there; addresses are physical, and mapped to themselves. */
struct region {
    uint64_t base, size;
};

/* Adds whole pages; they must be mapped and not be there yet. */
void pages_give(void *pages, size_t count);

/* NULL: there is no extent of so many. Not cleared. */
void *pages_take(size_t count);

/*
 * Maps and gives memory that is not mapped yet: count pages in one piece if
 * there are so many, else what there is. False: nothing came; so it is too if
 * count is more than all there is. Of the platform.
 */
bool pages_more(size_t count);

/* How many are free; and besides, how many pages_more could give yet (which
 * is of the platform, too). */
size_t pages_free(void);
size_t pages_unmapped(void);

/*
 * Makes the regions (count of them) the image's memory, except page zero and
 * what the image itself occupies, and maps it: from now on the tables are our
 * own. Ends the image with a message if that cannot be.
 */
void pages_start(const struct region *regions, size_t count);

#endif
