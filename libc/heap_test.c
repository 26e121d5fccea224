/* SPDX-License-Identifier: ISC */
/* sbrk and posix_memalign, on a heap of the test. */
#include <mirage/platform.h>
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <unistd.h>
#define sbrk           tested_sbrk
#define posix_memalign tested_posix_memalign
#define memalign       tested_memalign
#define platform_heap  tested_heap
static void *tested_memalign(size_t align, size_t len);
static void *tested_heap(size_t size);
void *sbrk(ptrdiff_t by);
#include "heap.c"
#undef platform_heap
#include "check.h"

static char memory[10000];
static size_t used;
static size_t asked_align, asked_len;
static bool fails;

static void *tested_heap(size_t size)
{
    char *from = memory + used;

    if (size > sizeof memory - used)
        return NULL;
    used += size;
    return from;
}

static void *tested_memalign(size_t align, size_t len)
{
    asked_align = align;
    asked_len = len;
    return fails ? NULL : memory;
}

TEST(the_break_moves_within_the_heap_of_the_platform)
{
    CHECK(sbrk(0) == memory && used == 0);
    CHECK(sbrk(100) == memory && used == 100);
    CHECK(sbrk(50) == memory + 100 && used == 150);
    CHECK(sbrk(-60) == memory + 150 && used == 150);
    CHECK(sbrk(0) == memory + 90);
    /* What was given back is used first. */
    CHECK(sbrk(60) == memory + 90 && used == 150);
    CHECK(sbrk(-10) == memory + 150);
    CHECK(sbrk(30) == memory + 140 && used == 170);
    CHECK(sbrk(0) == memory + 170);
}

TEST(without_memory_the_break_stays)
{
    void *before = sbrk(0);

    errno = 0;
    CHECK(sbrk(20000) == (void *)-1 && errno == ENOMEM);
    CHECK(sbrk(0) == before);
    CHECK(sbrk((ptrdiff_t)(sizeof memory - used)) == before);
    CHECK(sbrk(1) == (void *)-1);
}

TEST(memory_is_aligned_to_powers_of_two_of_at_least_a_pointer)
{
    void *p = NULL;

    CHECK(posix_memalign(&p, 64, 10) == 0 && p == memory);
    CHECK(asked_align == 64 && asked_len == 10);
    CHECK(posix_memalign(&p, sizeof(void *), 1) == 0);
    p = &used;
    CHECK(posix_memalign(&p, 0, 1) == EINVAL);
    CHECK(posix_memalign(&p, 4, 1) == EINVAL);
    CHECK(posix_memalign(&p, 24, 1) == EINVAL);
    CHECK(posix_memalign(&p, 12, 1) == EINVAL);
    CHECK(p == &used);
    fails = true;
    CHECK(posix_memalign(&p, 64, 10) == ENOMEM);
}
