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
    CHECK(own && modules_hold_code(own->code));
    CHECK(own && !modules_hold_code(own->code - 1));
    CHECK(own && modules_hold_code(own->code_end - 1));
    CHECK(own && !modules_hold_code(own->code_end));
    CHECK(own && !module_holds(own, own->end, 1));
    CHECK(own && !module_holds(own, own->start, SIZE_MAX));
}

static uintptr_t words[8];

static bool reads(size_t offset)
{
    struct unwind u = {.low = (uintptr_t)words,
                       .high = (uintptr_t)(words + 4)};
    uintptr_t word;

    return read_word(&u, u.low + offset, &word);
}

TEST(words_outside_of_the_stack_are_not_read)
{
    CHECK(reads(0) && reads(24));
    CHECK(!reads(32) && !reads(25) && !reads(4) && !reads((size_t)-8));
}

#define KNOWN(reg) ((uint64_t)1 << (reg))

/* A row in which the return address is at CFA - 8, and register 6 below. */
TEST(registers_of_the_caller_are_restored_by_their_rules)
{
    struct cfi row = {.cfa_register = UNWIND_STACK,
                      .cfa_offset = 16,
                      .link = 16};
    struct unwind u = {.low = (uintptr_t)words,
                       .high = (uintptr_t)(words + 8)};
    struct unwind before;

    words[2] = 66;
    words[3] = 1616;
    row.reg[16] = (struct cfi_rule){CFI_SAVED, -8};
    row.reg[6] = (struct cfi_rule){CFI_SAVED, -16};
    row.reg[0] = (struct cfi_rule){CFI_MOVED, 2};
    row.reg[1] = (struct cfi_rule){CFI_MOVED, 5}; /* 5 is not known */
    row.reg[3] = (struct cfi_rule){CFI_LOST, 0};
    row.reg[8] = (struct cfi_rule){CFI_SAVED, 64}; /* beyond the stack */
    row.reg[9] = (struct cfi_rule){CFI_MOVED, UNWIND_COUNT};
    u.value[UNWIND_STACK] = (uintptr_t)(words + 2);
    u.value[2] = 22;
    u.value[3] = 33;
    u.value[9] = 99;
    u.known = KNOWN(UNWIND_STACK) | KNOWN(2) | KNOWN(3) | KNOWN(9);
    before = u;
    CHECK(apply(&u, &row));
    CHECK(u.pc == 1616 && u.is_return && u.value[6] == 66 && u.value[0] == 22);
    CHECK(u.value[UNWIND_STACK] == (uintptr_t)(words + 4));
    CHECK(is_known(&u, 6) && is_known(&u, 0) && is_known(&u, 2));
    CHECK(!is_known(&u, 1) && !is_known(&u, 3) && !is_known(&u, 8));
    CHECK(is_known(&u, 9) && u.value[9] == 99 && !is_known(&u, 4));
    /* The caller's frame is above ours, and in the stack. */
    u = before;
    u.is_return = true;
    row.cfa_offset = 0;
    CHECK(!apply(&u, &row));
    row.cfa_offset = 56;
    CHECK(!apply(&u, &row));
    row.cfa_offset = 16;
    row.is_expression = true;
    CHECK(!apply(&u, &row));
    row.is_expression = false;
    row.reg[16].type = CFI_LOST;
    CHECK(!apply(&u, &row));
    u.known = 0;
    CHECK(!apply(&u, &row));
}

#ifdef __x86_64__
/* A fault at the first instruction of the function that called this one; or at
 * the second, when the frame pointer has been pushed. */
static __attribute__((noinline)) bool steps_by_link(bool has_pushed)
{
    uintptr_t link = (uintptr_t)__builtin_return_address(0);
    uintptr_t *sp = words + 2;
    struct unwind u = {.low = (uintptr_t)words,
                       .high = (uintptr_t)(words + 8)};

    modules_read();
    u.value[UNWIND_FRAME] = 0x1234;
    u.value[UNWIND_STACK] = (uintptr_t)sp;
    if (has_pushed)
        *sp++ = u.value[UNWIND_FRAME];
    *sp++ = link;
    return step_by_link(&u) && u.pc == link && u.is_return &&
           u.value[UNWIND_STACK] == (uintptr_t)sp;
}

TEST(the_caller_of_a_function_without_a_frame_is_found_at_the_stack_pointer)
{
    CHECK(steps_by_link(false));
    CHECK(steps_by_link(true));
}
#endif
