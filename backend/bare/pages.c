/* SPDX-License-Identifier: ISC */
/* The page allocator, and what the platform makes of it: stacks, the heap. */
#include "pages.h"
#include <mirage/bare.h>
#include <mirage/platform.h>
#include <string.h>

#define GIB      ((uint64_t)1 << 30)
#define HEAP     ((uintptr_t)1 << 40) /* mapped as it grows */
#define HEAP_MAX ((size_t)1 << 40)

struct extent {
    struct extent *next;
    size_t         count;
};

static struct extent *extents;
static size_t         free_count;

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

void pages_give(void *pages, size_t count)
{
    struct extent *e = pages, **at = &extents, *before = NULL;

    if (count == 0)
        return;
    free_count += count;
    while (*at && *at < e) {
        before = *at;
        at = &before->next;
    }
    *e = (struct extent){*at, count};
    *at = e;
    if (e->next && end_of(e) == (char *)e->next) {
        e->count += e->next->count;
        e->next = e->next->next;
    }
    if (before && end_of(before) == (char *)e) {
        before->count += e->count;
        before->next = e->next;
    }
}

void *pages_take(size_t count)
{
    struct extent **at, *e;

    do {
        at = &extents;
        while (*at && (*at)->count < count)
            at = &(*at)->next;
    } while (!*at && pages_more(count));
    if (!*at || count == 0)
        return NULL;
    e = *at;
    e->count -= count;
    free_count -= count;
    if (e->count == 0)
        *at = e->next;
    return end_of(e);
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
    size_t   count = size / BARE_PAGE + (size % BARE_PAGE != 0);
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

void *platform_heap(size_t size)
{
    static uintptr_t end = HEAP, mapped = HEAP;
    uintptr_t        start = end;

    if (size > HEAP_MAX - (end - HEAP) || !grow_heap(&mapped, end + size))
        return NULL;
    end += size;
    return (void *)start;
}

/* Gives the pages of [from, to), without page zero and those of the image. */
static void give_range(uint64_t from, uint64_t to)
{

    from = (from + BARE_PAGE - 1) / BARE_PAGE * BARE_PAGE;
    to = to / BARE_PAGE * BARE_PAGE;
    if (from < BARE_PAGE)
        from = BARE_PAGE;
    if (from < image_to() && to > image_from()) {
        give_range(from, from < image_from() ? image_from() : from);
        give_range(image_to(), to > image_to() ? to : image_to());
        return;
    }
    if (from < to)
        pages_give((void *)(uintptr_t)from, (to - from) / BARE_PAGE);
}

static void give_regions(const struct region *regions, size_t count,
                         uint64_t from, uint64_t to)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t first = regions[i].base, end = first + regions[i].size;

        give_range(first > from ? first : from, end < to ? end : to);
    }
}

static bool map_range(uint64_t from, uint64_t to)
{
    return from >= to || bare_map(from, from, to - from, READ_WRITE);
}

/* Maps a region, around page zero and the image, which is mapped by parts. */
static bool map_region(const struct region *r)
{
    uint64_t from = (r->base + BARE_PAGE - 1) / BARE_PAGE * BARE_PAGE;
    uint64_t to = (r->base + r->size) / BARE_PAGE * BARE_PAGE;

    if (from < BARE_PAGE)
        from = BARE_PAGE;
    return map_range(from, to < image_from() ? to : image_from()) &&
           map_range(from > image_to() ? from : image_to(), to);
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
    give_regions(regions, count, GIB, UINT64_MAX);
}
