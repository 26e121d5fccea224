/* SPDX-License-Identifier: ISC */
/* malloc of bare images, on a heap in the test's memory. */
#include "panics.h"
#include "check.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEAP  ((size_t)1 << 20)
#define MANY  400
#define TURNS 40000

static char heap[HEAP] __attribute__((aligned(4096)));
static size_t used, most = HEAP;

static void *fake_sbrk(ptrdiff_t by)
{
    void *from = heap + used;

    if ((size_t)by > most - used) {
        errno = ENOMEM;
        return (void *)-1;
    }
    used += (size_t)by;
    return from;
}

/* This name is the host's own, too. */
#define sbrk fake_sbrk
#include "malloc.c"

/* What newlib's calls of these names do. */
#define malloc(len)                _malloc_r(NULL, len)
#define free(memory)               _free_r(NULL, memory)
#define calloc(count, each)        _calloc_r(NULL, count, each)
#define realloc(memory, len)       _realloc_r(NULL, memory, len)
#define memalign(align, len)       _memalign_r(NULL, align, len)
#define malloc_usable_size(memory) _malloc_usable_size_r(NULL, memory)

/* Forgets the heap, so that each test has its own. */
static void reset(size_t bytes)
{
    memset(lists, 0, sizeof lists);
    memset(filled, 0, sizeof filled);
    memset(heap, 0x5a, sizeof heap);
    heap_end = NULL;
    used = heap_bytes = 0;
    most = bytes;
}

/* Checks what holds for all blocks. Returns the number of free ones. */
static size_t check_heap(void)
{
    bool was_free = false;
    size_t free_blocks = 0, listed = 0;
    const struct chunk *before = NULL;
    const struct chunk *b = (const struct chunk *)(void *)heap;

    for (; heap_end && b != heap_end; before = b, b = after(b)) {
        bool is_free = b->head & FREE;

        CHECK(size_of(b) >= LEAST && size_of(b) % ALIGN == 0);
        CHECK(b < heap_end);
        CHECK(!(was_free && is_free));
        CHECK(!(b->head & BEFORE_FREE) == !was_free);
        CHECK(!was_free || b->before == before);
        free_blocks += is_free;
        was_free = is_free;
    }
    for (unsigned i = 0; i < LISTS; i++) {
        CHECK((filled[i / 64] >> i % 64 & 1) == (lists[i] != NULL));
        for (b = lists[i]; b; b = b->list.next, listed++)
            CHECK(b->head & FREE && list_of(size_of(b)) == i);
    }
    CHECK(listed == free_blocks);
    return free_blocks;
}

static unsigned seed = 1;

static size_t dice(size_t below)
{
    seed = seed * 1103515245 + 12345;
    return (seed >> 8) % below;
}

TEST(blocks_keep_their_contents_whatever_is_allocated_and_freed)
{
    static struct {
        unsigned char *data, value;
        size_t len;
    } model[MANY];

    size_t free_bytes, free_chunks;

    reset(HEAP);
    for (int turn = 0; turn < TURNS; turn++) {
        size_t i = dice(MANY), len = dice(dice(20) ? 300 : 9000);
        unsigned char *data = model[i].data;
        size_t align = (size_t)1 << dice(10);

        for (size_t j = 0; j < model[i].len; j++)
            CHECK(data[j] == model[i].value);
        switch (dice(4)) {
        case 0:
            free(data);
            data = NULL;
            len = 0;
            break;
        case 1:
            free(data);
            data = memalign(align, len);
            CHECK(data && (uintptr_t)data % align == 0);
            break;
        default:
            data = realloc(data, len);
            CHECK(data);
            for (size_t j = 0; j < len && j < model[i].len; j++)
                CHECK(data[j] == model[i].value);
        }
        CHECK((uintptr_t)data % ALIGN == 0);
        CHECK(len <= malloc_usable_size(data));
        model[i].data = data;
        model[i].len = len;
        model[i].value = (unsigned char)dice(256);
        if (data)
            memset(data, model[i].value, len);
        if (turn % 100 == 0)
            check_heap();
    }
    for (size_t i = 0; i < MANY; i++)
        free(model[i].data);
    CHECK(check_heap() == 1);
    CHECK(mirage__heap_use(&free_bytes, &free_chunks) == used);
    CHECK(free_bytes == used - END_HEAD && free_chunks == 1);
}

TEST(all_freed_memory_can_be_allocated_in_one_piece)
{
    void *piece[64];
    size_t grown;

    reset(64 << 10);
    for (size_t i = 0; i < 64; i++)
        CHECK((piece[i] = malloc(900)) != NULL);
    grown = used;
    for (size_t i = 0; i < 64; i += 2)
        free(piece[i]);
    for (size_t i = 1; i < 64; i += 2)
        free(piece[i]);
    CHECK(check_heap() == 1);
    CHECK(malloc(grown - END_HEAD - USED_HEAD) == heap + END_HEAD);
    CHECK(used == grown);
}

TEST(without_memory_malloc_says_so_and_what_is_there_stays_usable)
{
    void *all, *huge;
    volatile size_t half = SIZE_MAX / 2; /* not seen by the compiler */

    reset(16 << 10);
    errno = 0;
    CHECK(!malloc(17 << 10) && errno == ENOMEM);
    CHECK((all = malloc(12 << 10)) != NULL);
    errno = 0;
    CHECK(!realloc(all, 17 << 10) && errno == ENOMEM);
    CHECK(!calloc(half, 4) && !malloc(SIZE_MAX) && !malloc(MOST + 1));
    huge = memalign((size_t)1 << 60, 1);
    CHECK(!huge);
    free(all);
    CHECK(malloc(12 << 10) == all);
}

TEST(a_free_block_behind_others_of_its_list_is_found_before_memory_ends)
{
    void *gap[3], *large, *small;

    reset(8 << 10);
    large = malloc(1000);
    gap[0] = malloc(1);
    small = malloc(960);
    gap[1] = malloc(1);
    gap[2] = malloc(6080);
    CHECK(large && gap[0] && small && gap[1] && gap[2]);
    free(large);
    free(small); /* the first of the same list */
    CHECK(list_of(size_of(chunk_of(small))) ==
          list_of(size_of(chunk_of(large))));
    CHECK(malloc(1000) == large);
}

TEST(realloc_uses_the_free_memory_behind_a_block)
{
    char *first, *second, *third;

    reset(64 << 10);
    first = malloc(100);
    second = malloc(1000);
    third = malloc(100);
    memset(first, 7, 100);
    memset(third, 9, 100);
    free(second);
    CHECK(realloc(first, 900) == first && first[99] == 7);
    CHECK(realloc(first, 3000) != first);
    CHECK(third[0] == 9 && third[99] == 9);
    check_heap();
}

TEST(calloc_clears_memory_that_was_used)
{
    unsigned char *p;

    reset(64 << 10);
    p = malloc(5000);
    memset(p, 1, 5000);
    free(p);
    p = calloc(50, 100);
    for (size_t i = 0; i < 5000; i++)
        CHECK(p[i] == 0);
}

TEST(the_heap_goes_on_where_others_have_called_sbrk)
{
    char *first, *second, *others;

    reset(HEAP);
    first = malloc(3000);
    others = fake_sbrk(24);
    memset(others, 9, 24);
    second = malloc(6000);
    CHECK(first && second && (uintptr_t)second % ALIGN == 0);
    memset(first, 1, 3000);
    memset(second, 2, 6000);
    for (int i = 0; i < 24; i++)
        CHECK(others[i] == 9);
    free(first);
    free(second);
    CHECK(malloc(3000) && malloc(6000));
}

TEST(memory_that_is_freed_twice_is_noticed)
{
    char *first, *second;

    reset(64 << 10);
    first = malloc(100);
    second = malloc(100);
    free(NULL);
    free(first);
    CHECK(PANICS(free(first)));
    free(second);
    CHECK(check_heap() == 1);
}

/* Sizes in chunks: 16 bytes more, of which 8 are the next one's, and at least
 * 32. */
TEST(a_chunk_is_as_small_as_its_memory_allows)
{
    static const size_t lens[] = {0, 1, 24, 25, 40, 41, 1000, 1001};
    static const size_t sizes[] = {32, 32, 32, 48, 48, 64, 1008, 1024};
    char *p[8], *behind;

    reset(64 << 10);
    for (int i = 0; i < 8; i++) {
        p[i] = malloc(lens[i]);
        CHECK(size_of(chunk_of(p[i])) == sizes[i]);
        CHECK(malloc_usable_size(p[i]) == sizes[i] - 8);
    }
    CHECK(malloc_usable_size(NULL) == 0);
    behind = malloc(1);
    CHECK(behind == p[7] + 1024);
    check_heap();
}

TEST(a_free_chunk_of_the_very_size_is_taken_whole)
{
    char *hole, *before = NULL, *behind;

    reset(64 << 10);
    hole = malloc(1000);
    behind = malloc(1);
    free(hole);
    CHECK(malloc(1000) == hole);
    free(hole);
    /* 16 bytes more than are needed are no chunk: they stay in it. */
    CHECK(malloc(984) == hole && malloc_usable_size(hole) == 1000);
    free(hole);
    /* 32 bytes are. */
    CHECK(malloc(968) == hole && malloc_usable_size(hole) == 968);
    before = malloc(1);
    CHECK(before == hole + 976 && behind == before + 32);
    check_heap();
}

TEST(a_heap_grows_by_what_its_last_free_chunk_lacks)
{
    char *first;

    reset(HEAP);
    first = malloc(2000);
    CHECK(first && used == 4096);
    /* Of the 4096 bytes 2016 and the end's 16 are used. */
    CHECK(malloc(2056) && used == 4096);
    CHECK(check_heap() == 0);
    reset(HEAP);
    first = malloc(2000);
    CHECK(malloc(6000) && used == 2 * 4096);
    CHECK(heap_bytes == used);
    check_heap();
}

TEST(realloc_moves_only_what_must_be_moved)
{
    char *p, *next, *moved;

    reset(HEAP);
    CHECK((p = realloc(NULL, 100)) != NULL);
    next = malloc(100);
    memset(p, 3, 104);
    CHECK(realloc(p, 104) == p && realloc(p, 90) == p);
    CHECK(malloc_usable_size(p) == 104);
    moved = realloc(p, 105);
    CHECK(moved && moved != p);
    for (int i = 0; i < 104; i++)
        CHECK(moved[i] == 3);
    CHECK(check_heap() == 2); /* where it was, and the end */
    /* Into all of the free chunk behind it, and no farther. */
    p = malloc(100);
    free(next);
    CHECK(realloc(p, 216) == p && malloc_usable_size(p) == 216);
    check_heap();
    CHECK(realloc(p, 0) == p && malloc_usable_size(p) == 24);
    CHECK(!realloc(p, MOST + 1) && malloc_usable_size(p) == 24);
    check_heap();
}

TEST(aligned_memory_gives_back_what_is_before_and_behind_it)
{
    char *p[10];

    reset(HEAP);
    for (int i = 0; i < 10; i++) {
        size_t align = (size_t)16 << i;

        p[i] = memalign(align, 100);
        CHECK(p[i] && (uintptr_t)p[i] % align == 0);
        CHECK(malloc_usable_size(p[i]) < 100 + 2 * LEAST);
        memset(p[i], i, 100);
        check_heap();
    }
    for (int i = 0; i < 10; i++) {
        CHECK(p[i][0] == i && p[i][99] == i);
        free(p[i]);
    }
    CHECK(check_heap() == 1);
    CHECK(!memalign(64, SIZE_MAX - 10) && !memalign(MOST * 2, 8));
}

TEST(calloc_refuses_a_product_that_does_not_fit)
{
    volatile size_t many = ((size_t)1 << 60) + 1;
    unsigned char *p;

    reset(HEAP);
    CHECK(!calloc(many, 16)); /* which would be 16 bytes */
    p = calloc(3, 7);
    CHECK(p && malloc_usable_size(p) >= 21);
}
