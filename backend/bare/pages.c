/* SPDX-License-Identifier: ISC */
/* The page allocator, and what the platform makes of it: stacks, the heap. */
#include "pages.h"
#include "shortage.h"
#include <mirage/bare.h>
#include <mirage/platform.h>
#include <string.h>

#define GIB      ((uint64_t)1 << 30)
#define HEAP     ((uintptr_t)1 << 40) /* mapped as it grows */
#define HEAP_MAX ((size_t)1 << 40)

/*
 * A treap: ordered by address from left to right, and from the root down by
 * rank, which is made of the address, so that it is as good as drawn by lot
 * and the tree is flat whatever is given and taken.
 */
struct extent {
    struct extent *child[2]; /* of lower and of higher addresses */
    size_t count;
    size_t largest; /* count here and below */
};

static struct extent *extents;
static size_t free_count;

extern char image_text[], image_end[];

static uint64_t image_from(void)
{
    return (uintptr_t)image_text;
}

static uint64_t image_to(void)
{
    return (uintptr_t)image_end;
}

static char *end_of(struct extent *e)
{
    return (char *)e + e->count * BARE_PAGE;
}

size_t pages_free(void)
{
    return free_count;
}

static uint64_t rank(const struct extent *e)
{
    uint64_t page = (uintptr_t)e / BARE_PAGE * 0x9e3779b97f4a7c15;

    return (page ^ page >> 32) * 0xd6e8feb86659fd93;
}

static struct extent *renewed(struct extent *e)
{
    e->largest = e->count;
    for (int side = 0; side < 2; side++)
        if (e->child[side] && e->child[side]->largest > e->largest)
            e->largest = e->child[side]->largest;
    return e;
}

/* Of two trees, all of whose addresses are lower in the one than in the
 * other. */
static struct extent *joined(struct extent *low, struct extent *high)
{
    if (!low || !high)
        return low ? low : high;
    if (rank(low) > rank(high)) {
        low->child[1] = joined(low->child[1], high);
        return renewed(low);
    }
    high->child[0] = joined(low, high->child[0]);
    return renewed(high);
}

/* Parts a tree into what lies below the address, and the rest. */
static void part(struct extent *e, const void *address, struct extent **low,
                 struct extent **high)
{
    if (!e) {
        *low = *high = NULL;
    } else if ((const void *)e < address) {
        part(e->child[1], address, &e->child[1], high);
        *low = renewed(e);
    } else {
        part(e->child[0], address, low, &e->child[0]);
        *high = renewed(e);
    }
}

/* The extent with the lowest or the highest address. */
static struct extent *outermost(struct extent *e, int side)
{
    while (e && e->child[side])
        e = e->child[side];
    return e;
}

void pages_give(void *pages, size_t count)
{
    struct extent *low, *high, *before, *after, *e = pages;

    if (count == 0)
        return;
    free_count += count;
    part(extents, pages, &low, &high);
    before = outermost(low, 1);
    if (before && end_of(before) == (char *)pages) {
        part(low, before, &low, &e);
        count += e->count;
    }
    after = outermost(high, 0);
    if (after && (char *)e + count * BARE_PAGE == (char *)after) {
        part(high, (char *)after + 1, &after, &high);
        count += after->count;
    }
    *e = (struct extent){.count = count, .largest = count};
    extents = joined(joined(low, e), high);
}

/* From the end of the first extent that has so many; there is one. */
static char *take_from(struct extent **at, size_t count)
{
    struct extent *e = *at;
    char *taken;

    if (e->child[0] && e->child[0]->largest >= count) {
        taken = take_from(&e->child[0], count);
    } else if (e->count < count) {
        taken = take_from(&e->child[1], count);
    } else {
        e->count -= count;
        taken = end_of(e);
        if (e->count == 0) {
            *at = joined(e->child[0], e->child[1]);
            return taken;
        }
    }
    renewed(e);
    return taken;
}

void *pages_take(size_t count)
{
    if (count == 0)
        return NULL;
    while (!extents || extents->largest < count)
        if (!pages_more(count))
            return NULL;
    free_count -= count;
    return take_from(&extents, count);
}

void *platform_pages(size_t count)
{
    void *pages = pages_take(count);

    return pages ? memset(pages, 0, count * BARE_PAGE) : NULL;
}

void platform_pages_free(void *pages, size_t count)
{
    pages_give(pages, count);
}

enum status platform_stack(size_t size, struct stack *stack)
{
    size_t count = size / BARE_PAGE + (size % BARE_PAGE != 0);
    uint8_t *guard = pages_take(count + 1);

    if (!guard)
        return ERR_NO_MEMORY;
    if (!bare_map((uintptr_t)guard, 0, BARE_PAGE, NO_ACCESS)) {
        pages_give(guard, count + 1);
        return ERR_NO_MEMORY;
    }
    *stack = (struct stack){guard + BARE_PAGE, count * BARE_PAGE, true};
    return OK;
}

void platform_stack_free(const struct stack *stack)
{
    uint8_t *guard = stack->low - BARE_PAGE;

    /* Its table is there already, so this cannot fail. */
    (void)bare_map((uintptr_t)guard, (uintptr_t)guard, BARE_PAGE, READ_WRITE);
    pages_give(guard, stack->size / BARE_PAGE + 1);
}

/* Maps what is missing of the heap up to end. */
static bool grow_heap(uintptr_t *mapped, uintptr_t end)
{
    while (*mapped < end) {
        void *page = pages_take(1);

        if (!page)
            return false;
        if (!bare_map(*mapped, (uintptr_t)page, BARE_PAGE, READ_WRITE)) {
            pages_give(page, 1);
            return false;
        }
        *mapped += BARE_PAGE;
    }
    return true;
}

/* Could the heap have so many pages more, and the tables for them? */
static bool is_enough_for_heap(size_t count)
{
    return count + count / 512 + 3 <= pages_free() + pages_unmapped();
}

static void *more_heap(size_t size)
{
    static uintptr_t end = HEAP, mapped = HEAP;
    uintptr_t start = end;

    if (size > HEAP_MAX - (end - HEAP))
        return NULL;
    if (end + size > mapped &&
        (!is_enough_for_heap((end + size - mapped) / BARE_PAGE + 1) ||
         !grow_heap(&mapped, end + size)))
        return NULL;
    end += size;
    return (void *)start;
}

bool bare_is_physical(const void *at, size_t len)
{
    return (uintptr_t)at < HEAP && len <= HEAP - (uintptr_t)at;
}

void *platform_heap(size_t size)
{
    void *more = more_heap(size);

    if (!more)
        shortage_of_heap(size);
    return more;
}

static uint64_t lower(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t higher(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static void give_part(uint64_t from, uint64_t to)
{
    if (from < to)
        pages_give((void *)(uintptr_t)from, (to - from) / BARE_PAGE);
}

/* Gives the pages of [from, to), without page zero and those of the image. */
static void give_range(uint64_t from, uint64_t to)
{
    from = higher((from + BARE_PAGE - 1) / BARE_PAGE * BARE_PAGE, BARE_PAGE);
    to = to / BARE_PAGE * BARE_PAGE;
    give_part(from, lower(to, image_from()));
    give_part(higher(from, image_to()), to);
}

static void give_regions(const struct region *regions, size_t count,
                         uint64_t from, uint64_t to)
{
    for (size_t i = 0; i < count; i++)
        give_range(higher(regions[i].base, from),
                   lower(regions[i].base + regions[i].size, to));
}

static bool map_range(uint64_t from, uint64_t to)
{
    return from >= to || bare_map(from, from, to - from, READ_WRITE);
}

/* Maps a region, around page zero and the image, which is mapped by parts. */
static bool map_region(const struct region *r)
{
    uint64_t from = higher((r->base + BARE_PAGE - 1) / BARE_PAGE * BARE_PAGE,
                           BARE_PAGE);
    uint64_t to = lower((r->base + r->size) / BARE_PAGE * BARE_PAGE, HEAP);

    return map_range(from, lower(to, image_from())) &&
           map_range(higher(from, image_to()), to);
}

void pages_start(const struct region *regions, size_t count)
{
    bool good;

    /* The tables at boot map one GiB; beyond it only our own will do. */
    give_regions(regions, count, 0, GIB);
    good = bare_paging_start();
    for (size_t i = 0; good && i < count; i++)
        good = map_region(&regions[i]);
    if (!good) {
        image_say("there is too little memory for an image: %zu KiB are free\n",
                  free_count * BARE_PAGE / 1024);
        platform_exit(1);
    }
    bare_paging_use();
    give_regions(regions, count, GIB, HEAP);
}
