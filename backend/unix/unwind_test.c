/* SPDX-License-Identifier: ISC */
/* Tests of backtraces, and of the list of modules. */
#include "unwind.c"
#include "check.h"
#include <mirage/arch.h>
#include <stdlib.h>

static uintptr_t found[16];
static size_t found_count;

/* Finds the callers of its caller. */
static __attribute__((noinline)) void look(void)
{
    uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
    struct unwind u = {.is_return = true};
    struct stack stack = image_fiber_stack();

    modules_read();
    u.low = (uintptr_t)stack.low;
    u.high = u.low + stack.size;
    memcpy(&u.value[UNWIND_FRAME], (const void *)frame, sizeof frame);
    memcpy(&u.pc, (const void *)(frame + sizeof frame), sizeof u.pc);
    u.known = (uint64_t)1 << UNWIND_FRAME;
#ifdef __x86_64__
    u.value[UNWIND_STACK] = frame + 2 * sizeof frame;
    u.known |= (uint64_t)1 << UNWIND_STACK;
#endif
    found[0] = strip(u.pc);
    found_count = 1;
    while (found_count < 16 && unwind_step(&u))
        found[found_count++] = u.pc;
}

/* Returns whether a caller was found within `size` bytes of the function. */
static bool is_found(void *function, size_t size)
{
    for (size_t i = 0; i < found_count; i++)
        if (found[i] - (uintptr_t)function < size)
            return true;
    return false;
}

static int compare(const void *a, const void *b)
{
    look();
    return *(const int *)a - *(const int *)b;
}

static __attribute__((noinline)) void sort(void)
{
    int numbers[] = {3, 1, 2};

    qsort(numbers, 3, sizeof numbers[0], compare);
    found[15] = (uintptr_t)numbers; /* so that the call is not a tail call */
}

TEST(callers_are_found_through_functions_without_frame_pointers)
{
    sort();
    CHECK(found_count >= 4 && found_count < 15);
    CHECK(is_found((void *)(uintptr_t)compare, 512));
    CHECK(is_found((void *)(uintptr_t)sort, 512));
    CHECK(is_found(
        (void *)(uintptr_t)
            callers_are_found_through_functions_without_frame_pointers,
        512));
}

TEST(a_corrupt_stack_ends_the_backtrace)
{
    static uintptr_t stack[64];
    struct unwind u = {.is_return = true, .pc = (uintptr_t)look};

    modules_read();
    u.low = (uintptr_t)stack;
    u.high = (uintptr_t)(stack + 64);
    for (size_t i = 0; i < 64; i++)
        stack[i] = (uintptr_t)&stack[i % 7]; /* a circle of frames */
    for (unsigned i = 0; i < UNWIND_COUNT; i++)
        u.value[i] = u.low + 8;
    u.known = ((uint64_t)1 << UNWIND_COUNT) - 1;
    found_count = 0;
    while (found_count < 100 && unwind_step(&u))
        found_count++;
    CHECK(found_count < 64);
    u.value[UNWIND_FRAME] = u.high - 8; /* its second word is outside */
    u.value[UNWIND_STACK] = 1;
    u.pc = 0;
    CHECK(!unwind_step(&u));
}

TEST(modules_are_found)
{
    const struct module *own, *libc;

    modules_read();
    own = module_of((uintptr_t)look);
    CHECK(own && own->has_header);
    CHECK(modules_hold_code((uintptr_t)look));
    CHECK(!modules_hold_code((uintptr_t)found));
    CHECK(!modules_hold_code(0));
    CHECK(!modules_hold_code(UINTPTR_MAX));
    libc = module_of((uintptr_t)qsort);
    CHECK(libc);
    CHECK(own && module_segment(own, PT_GNU_EH_FRAME));
    CHECK(own && !module_holds(own, own->end, 1));
    CHECK(own && !module_holds(own, own->start, SIZE_MAX));
}
