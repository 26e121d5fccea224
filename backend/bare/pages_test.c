/* SPDX-License-Identifier: ISC */
/* The page allocator, on memory of the test. */
#define platform_pages      tested_pages
#define platform_pages_free tested_pages_free
#define platform_stack      tested_stack
#define platform_stack_free tested_stack_free
#define platform_heap       tested_heap
#include "pages.c"
#include "check.h"
#include <mirage/random.h>
#include <stdlib.h>
#include <sys/mman.h>

#define MEMORY 4096 /* pages */

/* The image: 4 pages, with 4 of memory before it and 4 after it. */
__asm__(".pushsection .bss\n"
        ".globl around_image, image_text, image_end\n"
        ".balign 4096\n"
        "around_image: .skip 16384\n"
        "image_text: .skip 16384\n"
        "image_end: .skip 16384\n"
        ".popsection\n");

extern char around_image[];
static char *memory;
static bool is_allocated[MEMORY];
static int more_calls;

bool bare_map(uintptr_t address, uint64_t physical, size_t size,
              enum access access)
{
    (void)address;
    (void)physical;
    (void)size;
    (void)access;
    return true;
}

bool bare_paging_start(void)
{
    return true;
}

void bare_paging_use(void)
{
}

void shortage_report(size_t size)
{
    (void)size;
}

bool pages_map_more(size_t count)
{
    (void)count;
    more_calls++;
    return false;
}

size_t pages_unmapped_count(void)
{
    return 0;
}

static void begin(void)
{
    if (!memory)
        memory = aligned_alloc(BARE_PAGE, MEMORY * BARE_PAGE);
    require(memory);
    extents = NULL;
    free_count = 0;
    memset(is_allocated, 0, sizeof is_allocated);
    pages_release(memory, MEMORY);
}

/* Records an allocation or a release; each must alternate with the other. */
static void note(const void *pages, size_t count, bool allocated)
{
    size_t first = (size_t)((const char *)pages - memory) / BARE_PAGE;

    require(first + count <= MEMORY);
    for (size_t i = first; i < first + count; i++) {
        CHECK(is_allocated[i] == !allocated);
        is_allocated[i] = allocated;
    }
}

static void *alloc(size_t count)
{
    void *pages = pages_alloc(count);

    if (pages) {
        note(pages, count, true);
        memset(pages, 0xa5, count * BARE_PAGE);
    }
    return pages;
}

static void release(void *pages, size_t count)
{
    note(pages, count, false);
    pages_release(pages, count);
}

/* Checks the tree: extents ascend, do not touch, and `largest` is right. */
static size_t look_at(const struct extent *e, const char **end)
{
    size_t count, largest;

    if (!e)
        return 0;
    count = look_at(e->child[0], end);
    CHECK(!*end || (const char *)e > *end);
    *end = (const char *)e + e->count * BARE_PAGE;
    largest = e->count;
    for (int i = 0; i < 2; i++)
        if (e->child[i]) {
            CHECK(rank(e->child[i]) < rank(e));
            if (e->child[i]->largest > largest)
                largest = e->child[i]->largest;
        }
    CHECK(e->largest == largest);
    return count + e->count + look_at(e->child[1], end);
}

static void look(void)
{
    const char *end = NULL;

    CHECK(look_at(extents, &end) == free_count);
}

TEST(allocations_do_not_overlap_and_freed_extents_are_merged)
{
    static struct {
        void *pages;
        size_t count;
    } held[512];

    begin();
    for (int i = 0; i < 100000; i++) {
        size_t at = random_below(512);

        if (held[at].pages) {
            release(held[at].pages, held[at].count);
            held[at].pages = NULL;
        } else {
            held[at].count = 1 + random_below(random_below(20) ? 4 : 300);
            held[at].pages = alloc(held[at].count);
        }
        if (i % 1000 == 0)
            look();
    }
    for (size_t i = 0; i < 512; i++)
        if (held[i].pages)
            release(held[i].pages, held[i].count);
    look();
    CHECK(free_count == MEMORY);
    CHECK(extents->count == MEMORY);
}

TEST(the_first_extent_that_fits_is_allocated_from)
{
    void *a, *b, *c;

    begin();
    c = alloc(8);
    b = alloc(100);
    a = alloc(16);
    CHECK(alloc(MEMORY - 124));
    release(c, 8);
    release(a, 16);
    CHECK(alloc(8) == (char *)a + 8 * BARE_PAGE);
    CHECK(alloc(8) == a);
    CHECK(alloc(8) == c);
    release(b, 100);
}

TEST(a_shortage_asks_the_target_to_map_more)
{
    begin();
    more_calls = 0;
    CHECK(!pages_alloc(MEMORY + 1));
    CHECK(more_calls == 1);
    CHECK(!pages_alloc(0));
    CHECK(alloc(MEMORY));
    CHECK(!pages_alloc(1));
    CHECK(more_calls == 2);
    CHECK(free_count == 0);
    release(memory, MEMORY);
    look();
}

/* Every second page is allocated: the largest number of extents. */
TEST(the_depth_of_the_tree_is_logarithmic)
{
    size_t depth = 0, deepest = 0;

    begin();
    for (size_t i = 0; i < MEMORY; i++)
        CHECK(alloc(1));
    for (size_t i = 0; i < MEMORY; i += 2)
        release(memory + i * BARE_PAGE, 1);
    look();
    for (size_t i = 0; i < MEMORY; i += 2) {
        const struct extent *e = extents;

        for (depth = 0; (const char *)e != memory + i * BARE_PAGE; depth++)
            e = e->child[(const char *)e < memory + i * BARE_PAGE];
        deepest = depth > deepest ? depth : deepest;
    }
    CHECK(deepest < 40); /* 2 * log2(2048) is 22 */
    for (size_t i = 1; i < MEMORY; i += 2)
        release(memory + i * BARE_PAGE, 1);
    CHECK(extents->count == MEMORY);
}

/* A TiB of address space, for which the host has allocated no memory. */
TEST(free_memory_is_not_touched_but_for_one_page_of_an_extent)
{
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    size_t size = (size_t)1 << 40;
    unsigned char present[2];
    char *large;

    large = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, -1, 0);
    require(large != MAP_FAILED);
    begin();
    pages_release(large, size / BARE_PAGE);
    CHECK(pages_alloc(1));
    CHECK(mincore(large, 2 * BARE_PAGE, present) == 0);
    CHECK((present[0] & 1) && !(present[1] & 1));
    begin();
    munmap(large, size);
}

/* Does the region of pages [from, to) around the image release that many? */
static bool releases(size_t from, size_t to, size_t count)
{
    struct region r = {(uintptr_t)around_image + from * BARE_PAGE,
                       (to - from) * BARE_PAGE};

    extents = NULL;
    free_count = 0;
    release_regions(&r, 1, 0, UINT64_MAX);
    look();
    return free_count == count;
}

TEST(memory_of_the_image_is_not_released)
{
    CHECK(releases(0, 12, 8));
    CHECK(releases(0, 4, 4));
    CHECK(releases(2, 6, 2));
    CHECK(releases(4, 8, 0));
    CHECK(releases(5, 7, 0));
    CHECK(releases(6, 12, 4));
    CHECK(releases(9, 10, 1));
}

TEST(only_whole_pages_of_a_region_are_released)
{
    struct region r = {(uintptr_t)around_image + 100, 3 * BARE_PAGE};

    extents = NULL;
    free_count = 0;
    release_regions(&r, 1, 0, UINT64_MAX);
    CHECK(free_count == 2);
    CHECK(extents == (struct extent *)(around_image + BARE_PAGE));
}

TEST(a_heap_that_cannot_grow_allocates_nothing)
{
    size_t before;

    begin();
    before = free_count;
    CHECK(tested_heap(2 * MEMORY * BARE_PAGE) == NULL);
    CHECK(tested_heap((size_t)1 << 62) == NULL);
    CHECK(free_count == before);
    CHECK(tested_heap(10 * BARE_PAGE) == (void *)HEAP);
    CHECK(free_count == before - 10);
    CHECK(tested_heap(0) == (void *)(HEAP + 10 * BARE_PAGE));
}
