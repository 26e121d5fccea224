/* SPDX-License-Identifier: ISC */
/*
 * Stacks of fibers: anonymous mappings with a guard page below. A guard of
 * MADV_GUARD_INSTALL (Linux 6.13) needs no mapping of its own. One of mprotect
 * makes two mappings of a stack, so at most half of vm.max_map_count is used
 * for them; further stacks have the canary of core only.
 */
#include "stack.h"
#include <mirage/platform.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif
#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0
#endif

#define BATCH       16
#define BATCH_LARGE (1 << 20) /* bytes; larger stacks are mapped one by one */

static enum stack_guard guard = GUARD_INSTALL;
static size_t page;
static size_t mprotected, mprotect_limit;

size_t stack_guard_size(void)
{
    return page;
}

void stack_set_guard(enum stack_guard wanted)
{
    guard = wanted;
}

static size_t mappings_allowed(void)
{
    unsigned long n = 65530; /* Linux's default */
    FILE *f = fopen("/proc/sys/vm/max_map_count", "r");

    if (f) {
        if (fscanf(f, "%lu", &n) != 1)
            n = 65530;
        fclose(f);
    }
    return n;
}

#ifdef __linux__
/* Returns whether the page can be read. By a system call, which fails without a
 * signal. */
static bool is_readable(const uint8_t *at)
{
    int ends[2];
    bool readable = true;

    if (pipe(ends) == 0) {
        readable = write(ends[1], at, 1) == 1;
        close(ends[0]);
        close(ends[1]);
    }
    return readable;
}

/* Tests the first guard: an emulator may accept any advice and ignore it. */
static bool install_guard(uint8_t *low)
{
    static bool tried;

    if (madvise(low, page, MADV_GUARD_INSTALL) != 0 ||
        (!tried && is_readable(low))) {
        guard = GUARD_MPROTECT;
        return false;
    }
    return tried = true;
}
#endif

/* Makes the page at low inaccessible. False: that is impossible. */
static bool guard_page(uint8_t *low)
{
#ifdef __linux__
    if (guard == GUARD_INSTALL && install_guard(low))
        return true;
#endif
    if (mprotect_limit == 0) /* half of them, two for each stack */
        mprotect_limit = mappings_allowed() / 4;
    if (guard == GUARD_CANARY || mprotected >= mprotect_limit)
        return false;
    if (mprotect(low, page, PROT_NONE) != 0)
        return false;
    mprotected++;
    return true;
}

/*
 * Small stacks are mapped BATCH at a time, and unmapped one by one, so that a
 * stack costs little more than one system call in place of three.
 */
static uint8_t *map_one(size_t size)
{
    static uint8_t *batch;
    static size_t batch_size, left;
    size_t count = size < BATCH_LARGE ? BATCH : 1;
    uint8_t *low;

    if (left == 0 || batch_size != size) {
        uint8_t *fresh =
            mmap(NULL, count * size, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        if (fresh == MAP_FAILED)
            return NULL;
#ifdef MADV_NOHUGEPAGE
        /* Adjacent stacks are one mapping. With a huge page there, a sleeping
         * fiber would cost 2 MiB. */
        (void)madvise(fresh, count * size, MADV_NOHUGEPAGE);
#endif
        if (left > 0)
            munmap(batch, left * batch_size);
        batch = fresh;
        batch_size = size;
        left = count;
    }
    left--;
    low = batch;
    batch += size;
    return low;
}

enum status platform_stack(size_t size, struct stack *stack)
{
    uint8_t *low;

    if (page == 0)
        page = (size_t)sysconf(_SC_PAGESIZE);
    if (size > SIZE_MAX / 2 / BATCH)
        return ERR_NO_MEMORY;
    size = (size + page - 1) / page * page;
    low = map_one(page + size);
    if (!low)
        return ERR_NO_MEMORY;
    *stack = (struct stack){low + page, size, guard_page(low)};
    return OK;
}

void platform_stack_free(const struct stack *stack)
{
    if (stack->guarded && guard != GUARD_INSTALL && mprotected > 0)
        mprotected--;
    munmap(stack->low - page, page + stack->size);
}
