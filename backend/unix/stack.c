/* SPDX-License-Identifier: ISC */
/*
 * Fibers' stacks: anonymous mappings with a guard page below.
 *
 * MADV_GUARD_INSTALL (Linux 6.13) makes a guard without a mapping of its own,
 * so there is no limit to them. Elsewhere mprotect makes them, at the price
 * of two mappings a stack, as long as they stay under half of what
 * vm.max_map_count allows; beyond, core's canary must do.
 *
 * Neighbouring stacks become one mapping, where the kernel would like to put
 * huge pages: with them a sleeping fiber would cost 2 MiB, so they are off.
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

static enum stack_guard kind = GUARD_INSTALL;
static size_t           page;
static size_t           mprotected, mprotect_limit;

size_t stack_guard_size(void)
{
    return page;
}

void stack_guard_use(enum stack_guard wanted)
{
    kind = wanted;
}

static size_t mappings_allowed(void)
{
    unsigned long n = 65530; /* Linux's default */
    FILE         *f = fopen("/proc/sys/vm/max_map_count", "r");

    if (f) {
        if (fscanf(f, "%lu", &n) != 1)
            n = 65530;
        fclose(f);
    }
    return n;
}

static void learn_limits(void)
{
    page = (size_t)sysconf(_SC_PAGESIZE);
    mprotect_limit = mappings_allowed() / 4; /* half of them, two a stack */
}

#ifdef __linux__
/* Can the page be read? Asked of the kernel, which answers without a fault. */
static bool is_readable(const uint8_t *at)
{
    int  ends[2];
    bool readable = true;

    if (pipe(ends) == 0) {
        readable = write(ends[1], at, 1) == 1;
        close(ends[0]);
        close(ends[1]);
    }
    return readable;
}

/* The first guard is tried out: an emulator may take any advice and do
 * nothing. */
static bool install_guard(uint8_t *low)
{
    static bool tried;

    if (madvise(low, page, MADV_GUARD_INSTALL) != 0 ||
        (!tried && is_readable(low))) {
        kind = GUARD_MPROTECT;
        return false;
    }
    return tried = true;
}
#endif

/* Makes the page at low one that nobody can touch; false: it cannot be. */
static bool guard(uint8_t *low)
{
#ifdef __linux__
    if (kind == GUARD_INSTALL && install_guard(low))
        return true;
#endif
    if (kind == GUARD_CANARY || mprotected >= mprotect_limit)
        return false;
    if (mprotect(low, page, PROT_NONE) != 0)
        return false;
    mprotected++;
    return true;
}

enum status platform_stack(size_t size, struct stack *stack)
{
    uint8_t *low;

    if (page == 0)
        learn_limits();
    if (size > SIZE_MAX / 2)
        return ERR_NO_MEMORY;
    size = (size + page - 1) / page * page;
    low = mmap(NULL, page + size, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (low == MAP_FAILED)
        return ERR_NO_MEMORY;
#ifdef MADV_NOHUGEPAGE
    (void)madvise(low, page + size, MADV_NOHUGEPAGE); /* no such: no harm */
#endif
    *stack = (struct stack){low + page, size, guard(low)};
    return OK;
}

void platform_stack_free(const struct stack *stack)
{
    if (stack->guarded && kind != GUARD_INSTALL && mprotected > 0)
        mprotected--;
    munmap(stack->low - page, page + stack->size);
}
