/* SPDX-License-Identifier: ISC */
/* The page allocator, on memory of the test. */
#define platform_pages      tested_pages
#define platform_pages_free tested_pages_free
#define platform_stack      tested_stack
#define platform_stack_free tested_stack_free
#define platform_heap       tested_heap
#define platform_exit       tested_exit
#include "said.h"

void tested_exit(int code) __attribute__((noreturn));

#include "pages.c"
#include "check.h"
#include <mirage/random.h>
#include <setjmp.h>
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

/* What was mapped, and the page tables that are in use. */
static struct mapping {
    uintptr_t address;
    uint64_t physical;
    size_t size;
    enum access access;
} maps[32];
static size_t map_count, maps_allowed = SIZE_MAX;
static bool has_tables = true;
static size_t free_at_use; /* pages, when the tables were put to use */
static size_t shortage; /* the bytes that were reported */
static jmp_buf out;
static int exit_code;

bool bare_map(uintptr_t address, uint64_t physical, size_t size,
              enum access access)
{
    if (maps_allowed == 0)
        return false;
    maps_allowed--;
    maps[map_count++ % 32] = (struct mapping){address, physical, size, access};
    return true;
}

bool bare_paging_start(void)
{
    return has_tables;
}

void bare_paging_use(void)
{
    free_at_use = free_count;
}

void shortage_report(size_t size)
{
    shortage = size;
}

void tested_exit(int code)
{
    exit_code = code;
    longjmp(out, 1);
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
    map_count = 0;
    maps_allowed = SIZE_MAX;
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

TEST(a_heap_that_cannot_be_mapped_is_not_grown_and_its_page_is_free_again)
{
    char *end;
    size_t before;

    begin();
    end = tested_heap(BARE_PAGE);
    before = free_count;
    maps_allowed = 2;
    shortage = 0;
    CHECK(tested_heap(4 * BARE_PAGE) == NULL);
    CHECK(shortage == 4 * BARE_PAGE);
    CHECK(free_count == before - 2); /* they are the heap's, for later */
    maps_allowed = SIZE_MAX;
    map_count = 0;
    CHECK(tested_heap(4 * BARE_PAGE) == end + BARE_PAGE);
    CHECK(free_count == before - 4);
    CHECK(map_count == 2 && maps[0].address == (uintptr_t)end + 3 * BARE_PAGE);
    CHECK(maps[0].size == BARE_PAGE && maps[0].access == READ_WRITE);
    CHECK(maps[0].physical >= (uintptr_t)memory);
}

/* Tables for the mapping of pages that are left must not be used up. */
TEST(the_heap_leaves_pages_for_its_page_tables)
{
    begin();
    CHECK(tested_heap((MEMORY - 3) * BARE_PAGE) == NULL);
    CHECK(free_count == MEMORY);
    CHECK(is_enough_for_heap(MEMORY - 3 - MEMORY / 512 + 1));
    CHECK(!is_enough_for_heap(MEMORY - 3 - MEMORY / 512 + 2));
}

TEST(memory_below_the_heap_is_physical)
{
    CHECK(bare_is_physical(NULL, 1));
    CHECK(bare_is_physical((void *)(HEAP - 8), 8));
    CHECK(!bare_is_physical((void *)(HEAP - 8), 9));
    CHECK(!bare_is_physical((void *)HEAP, 0));
    CHECK(!bare_is_physical((void *)(HEAP - 8), SIZE_MAX));
}

TEST(pages_for_the_image_are_cleared_and_can_be_freed)
{
    unsigned char *pages;

    begin();
    memset(memory + (MEMORY - 2) * BARE_PAGE, 0xff, 2 * BARE_PAGE);
    pages = tested_pages(2);
    CHECK(pages == (unsigned char *)memory + (MEMORY - 2) * BARE_PAGE);
    for (size_t i = 0; i < 2 * BARE_PAGE; i++)
        if (pages[i]) {
            CHECK(!pages[i]);
            break;
        }
    CHECK(free_count == MEMORY - 2);
    tested_pages_free(pages, 2);
    CHECK(free_count == MEMORY);
    CHECK(tested_pages(MEMORY + 1) == NULL);
}

TEST(below_a_stack_is_a_page_that_cannot_be_accessed)
{
    struct stack stack = {0};
    uintptr_t guard;

    begin();
    CHECK(tested_stack(2 * BARE_PAGE + 1, &stack) == OK);
    guard = (uintptr_t)stack.low - BARE_PAGE;
    CHECK(stack.size == 3 * BARE_PAGE && stack.guarded);
    CHECK(free_count == MEMORY - 4);
    CHECK(map_count == 1 && maps[0].address == guard);
    CHECK(maps[0].size == BARE_PAGE && maps[0].access == NO_ACCESS);
    tested_stack_free(&stack);
    CHECK(map_count == 2 && maps[1].address == guard);
    CHECK(maps[1].physical == guard && maps[1].size == BARE_PAGE);
    CHECK(maps[1].access == READ_WRITE && free_count == MEMORY);
    CHECK(tested_stack(2 * BARE_PAGE, &stack) == OK);
    CHECK(stack.size == 2 * BARE_PAGE);
    tested_stack_free(&stack);
    look();
}

TEST(a_stack_without_a_guard_or_memory_is_refused)
{
    struct stack stack = {0};

    begin();
    maps_allowed = 0;
    CHECK(tested_stack(BARE_PAGE, &stack) == ERR_NO_MEMORY);
    CHECK(free_count == MEMORY && !stack.low);
    CHECK(tested_stack(MEMORY * BARE_PAGE, &stack) == ERR_NO_MEMORY);
    CHECK(free_count == MEMORY && !stack.low);
}

/* Memory at its physical addresses on both sides of the first GiB, which the
 * page tables of the boot code map. */
#define AROUND (16 * BARE_PAGE)
#define LOW    (GIB - AROUND)

static bool starts(const struct region *regions, size_t count)
{
    extents = NULL;
    free_count = 0;
    map_count = 0;
    free_at_use = SIZE_MAX;
    exit_code = 0;
    if (setjmp(out) != 0)
        return false;
    pages_start(regions, count);
    look();
    return true;
}

TEST(memory_beyond_a_gib_is_used_only_in_the_image_s_own_page_tables)
{
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
    struct region r[] = {{LOW + 1, 2 * AROUND - 2},
                         {HEAP - 1, BARE_PAGE},
                         {0, BARE_PAGE + 1},
                         {HEAP + GIB, GIB}};
    void *at = mmap((void *)LOW, 2 * AROUND, PROT_READ | PROT_WRITE, flags, -1,
                    0);

    require(at == (void *)LOW);
    maps_allowed = SIZE_MAX;
    CHECK(starts(r, 4));
    CHECK(free_at_use == 15 && free_count == 30);
    CHECK(extents == (struct extent *)(LOW + BARE_PAGE));
    CHECK(map_count == 1 && maps[0].address == LOW + BARE_PAGE);
    CHECK(maps[0].physical == LOW + BARE_PAGE);
    CHECK(maps[0].size == 30 * BARE_PAGE && maps[0].access == READ_WRITE);
    r[0].size = AROUND;
    CHECK(starts(r, 1) && free_count == 15 && free_at_use == 15);
    extents = NULL;
    munmap(at, 2 * AROUND);
}

static bool is_mapping(size_t i, const char *from, size_t pages)
{
    return maps[i].address == (uintptr_t)from &&
           maps[i].physical == (uintptr_t)from &&
           maps[i].size == pages * BARE_PAGE && maps[i].access == READ_WRITE;
}

/* The image itself is mapped in parts, of which none is writable code. */
TEST(all_memory_but_the_image_is_mapped)
{
    struct region r = {(uintptr_t)around_image, 12 * BARE_PAGE};

    maps_allowed = SIZE_MAX;
    CHECK(starts(&r, 1) && free_count == 8 && map_count == 2);
    CHECK(is_mapping(0, around_image, 4) && is_mapping(1, image_end, 4));
    r = (struct region){(uintptr_t)around_image + 1, 4 * BARE_PAGE};
    CHECK(starts(&r, 1) && map_count == 1);
    CHECK(is_mapping(0, around_image + BARE_PAGE, 3));
    r.base += 6 * BARE_PAGE;
    CHECK(starts(&r, 1) && map_count == 1 && is_mapping(0, image_end, 2));
    r.base = (uintptr_t)image_text;
    CHECK(starts(&r, 1) && map_count == 0 && free_count == 0);
    extents = NULL;
    free_count = 0;
}

TEST(an_image_without_memory_for_page_tables_ends_with_a_message)
{
    struct region r = {HEAP - BARE_PAGE, BARE_PAGE};

    has_tables = false;
    CHECK(!starts(&r, 0));
    CHECK(exit_code == 1);
    CHECK_TEXT(said_since(), "there is too little memory for an image: 0 KiB "
                             "are free\n");
    has_tables = true;
    maps_allowed = 0;
    CHECK(!starts(&r, 1) && exit_code == 1);
    CHECK(strstr(said_since(), "too little memory"));
    maps_allowed = SIZE_MAX;
}
