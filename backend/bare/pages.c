/* SPDX-License-Identifier: ISC */
/*
 * The page allocator of a bare image, and what it is used for: fibers' stacks
 * and the heap. Free extents are in a treap, ordered by address.
 */
#include "pages.h"
#include "shortage.h"
#include <mirage/bare.h>
#include <mirage/macros.h>
#include <mirage/platform.h>
#include <string.h>

#define GIB      ((uint64_t)1 << 30)
#define HEAP     ((uintptr_t)1 << 40) /* mapped as it grows */
#define HEAP_MAX ((size_t)1 << 40)

/*
 * A node of the treap: ordered by address from left to right, and by rank from
 * the root down. The rank is a hash of the address, which is as good as random:
 * the tree's depth is logarithmic in any order of calls.
 */
struct extent {
    struct extent *child[2]; /* of min and of max addresses */
    size_t count;
    size_t largest; /* count of this extent and those below */
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

size_t pages_free_count(void)
{
    return free_count;
}

static uint64_t rank(const struct extent *e)
{
    uint64_t page = (uintptr_t)e / BARE_PAGE * 0x9e3779b97f4a7c15;

    return (page ^ page >> 32) * 0xd6e8feb86659fd93;
}

static struct extent *update_largest(struct extent *e)
{
    e->largest = e->count;
    for (int side = 0; side < 2; side++)
        if (e->child[side] && e->child[side]->largest > e->largest)
            e->largest = e->child[side]->largest;
    return e;
}

/* Joins two trees; all addresses in low are below those in high. */
static struct extent *join(struct extent *low, struct extent *high)
{
    if (!low || !high)
        return low ? low : high;
    if (rank(low) > rank(high)) {
        low->child[1] = join(low->child[1], high);
        return update_largest(low);
    }
    high->child[0] = join(low, high->child[0]);
    return update_largest(high);
}

/* Splits a tree into the extents below the address and the others. */
static void split(struct extent *e, const void *address, struct extent **low,
                  struct extent **high)
{
    if (!e) {
        *low = *high = NULL;
    } else if ((const void *)e < address) {
        split(e->child[1], address, &e->child[1], high);
        *low = update_largest(e);
    } else {
        split(e->child[0], address, low, &e->child[0]);
        *high = update_largest(e);
    }
}

/* The extent with the lowest or the highest address. */
static struct extent *outermost(struct extent *e, int side)
{
    while (e && e->child[side])
        e = e->child[side];
    return e;
}

void pages_release(void *pages, size_t count)
{
    struct extent *low, *high, *before, *after, *e = pages;

    if (count == 0)
        return;
    free_count += count;
    split(extents, pages, &low, &high);
    before = outermost(low, 1);
    if (before && end_of(before) == (char *)pages) {
        split(low, before, &low, &e);
        count += e->count;
    }
    after = outermost(high, 0);
    if (after && (char *)e + count * BARE_PAGE == (char *)after) {
        split(high, (char *)after + 1, &after, &high);
        count += after->count;
    }
    *e = (struct extent){.count = count, .largest = count};
    extents = join(join(low, e), high);
}

/* Allocates from the end of the first extent that is large enough, which must
 * exist. */
static char *alloc_from(struct extent **at, size_t count)
{
    struct extent *e = *at;
    char *taken;

    if (e->child[0] && e->child[0]->largest >= count) {
        taken = alloc_from(&e->child[0], count);
    } else if (e->count < count) {
        taken = alloc_from(&e->child[1], count);
    } else {
        e->count -= count;
        taken = end_of(e);
        if (e->count == 0) {
            *at = join(e->child[0], e->child[1]);
            return taken;
        }
    }
    update_largest(e);
    return taken;
}

void *pages_alloc(size_t count)
{
    if (count == 0)
        return NULL;
    while (!extents || extents->largest < count)
        if (!pages_map_more(count))
            return NULL;
    free_count -= count;
    return alloc_from(&extents, count);
}

void *platform_pages(size_t count)
{
    void *pages = pages_alloc(count);

    return pages ? memset(pages, 0, count * BARE_PAGE) : NULL;
}

void platform_pages_free(void *pages, size_t count)
{
    pages_release(pages, count);
}

enum status platform_stack(size_t size, struct stack *stack)
{
    size_t count = size / BARE_PAGE + (size % BARE_PAGE != 0);
    uint8_t *guard = pages_alloc(count + 1);

    if (!guard)
        return ERR_NO_MEMORY;
    if (!bare_map((uintptr_t)guard, 0, BARE_PAGE, NO_ACCESS)) {
        pages_release(guard, count + 1);
        return ERR_NO_MEMORY;
    }
    *stack = (struct stack){guard + BARE_PAGE, count * BARE_PAGE, true};
    return OK;
}

void platform_stack_free(const struct stack *stack)
{
    uint8_t *guard = stack->low - BARE_PAGE;

    /* Its page table exists, so this cannot fail. */
    (void)bare_map((uintptr_t)guard, (uintptr_t)guard, BARE_PAGE, READ_WRITE);
    pages_release(guard, stack->size / BARE_PAGE + 1);
}

/* Maps the heap up to end. */
static bool grow_heap(uintptr_t *mapped, uintptr_t end)
{
    while (*mapped < end) {
        void *page = pages_alloc(1);

        if (!page)
            return false;
        if (!bare_map(*mapped, (uintptr_t)page, BARE_PAGE, READ_WRITE)) {
            pages_release(page, 1);
            return false;
        }
        *mapped += BARE_PAGE;
    }
    return true;
}

/* Is there memory for so many more pages of heap, and their page tables? */
static bool is_enough_for_heap(size_t count)
{
    return count + count / 512 + 3 <=
           pages_free_count() + pages_unmapped_count();
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
        shortage_report(size);
    return more;
}

static void release_part(uint64_t from, uint64_t to)
{
    if (from < to)
        pages_release((void *)(uintptr_t)from, (to - from) / BARE_PAGE);
}

/* Releases the pages of [from, to), but for page zero and the image. */
static void release_range(uint64_t from, uint64_t to)
{
    from = max((from + BARE_PAGE - 1) / BARE_PAGE * BARE_PAGE, BARE_PAGE);
    to = to / BARE_PAGE * BARE_PAGE;
    release_part(from, min(to, image_from()));
    release_part(max(from, image_to()), to);
}

static void release_regions(const struct region *regions, size_t count,
                            uint64_t from, uint64_t to)
{
    for (size_t i = 0; i < count; i++)
        release_range(max(regions[i].base, from),
                      min(regions[i].base + regions[i].size, to));
}

static bool map_range(uint64_t from, uint64_t to)
{
    return from >= to || bare_map(from, from, to - from, READ_WRITE);
}

/* Maps a region, but for page zero and the image, which is mapped in parts. */
static bool map_region(const struct region *r)
{
    uint64_t from = max((r->base + BARE_PAGE - 1) / BARE_PAGE * BARE_PAGE,
                        BARE_PAGE);
    uint64_t to = min((r->base + r->size) / BARE_PAGE * BARE_PAGE, HEAP);

    return map_range(from, min(to, image_from())) &&
           map_range(max(from, image_to()), to);
}

void pages_start(const struct region *regions, size_t count)
{
    bool good;

    /* The page tables of the boot code map one GiB; memory above it can be used
     * in our own tables only. */
    release_regions(regions, count, 0, GIB);
    good = bare_paging_start();
    for (size_t i = 0; good && i < count; i++)
        good = map_region(&regions[i]);
    if (!good) {
        image_say("there is too little memory for an image: %zu KiB are free\n",
                  free_count * BARE_PAGE / 1024);
        platform_exit(1);
    }
    bare_paging_use();
    release_regions(regions, count, GIB, HEAP);
}
