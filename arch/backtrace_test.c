/* SPDX-License-Identifier: ISC */
/* Backtraces along frames of the test, good ones and damaged ones. */
#include "check.h"
#include <mirage/arch.h>

/* Two words each: the caller's frame, and the return address. */
static uintptr_t stack[64];

static uintptr_t place(size_t i)
{
    return (uintptr_t)&stack[i];
}

/* Frames at words 10, 20, 30, the last of which returns to nothing. */
static void begin(void)
{
    memset(stack, 0, sizeof stack);
    stack[10] = place(20);
    stack[11] = 0x1000;
    stack[20] = place(30);
    stack[21] = 0x2000;
    stack[30] = place(40);
    stack[31] = 0x3000;
}

static uintptr_t found[8];

static size_t trace(uintptr_t from, size_t low, size_t high, size_t max)
{
    memset(found, 0, sizeof found);
    return arch_backtrace(from, place(low), place(high), found, max);
}

TEST(return_addresses_are_found_from_frame_to_frame)
{
    begin();
    CHECK(trace(place(10), 0, 64, 8) == 3);
    CHECK(found[0] == 0x1000 && found[1] == 0x2000 && found[2] == 0x3000);
    CHECK(trace(place(10), 0, 64, 2) == 2 && found[2] == 0);
    CHECK(trace(place(10), 0, 64, 0) == 0 && found[0] == 0);
}

TEST(frames_outside_of_the_stack_are_not_read)
{
    begin();
    CHECK(trace(place(10), 10, 64, 8) == 3);
    CHECK(trace(place(10), 11, 64, 8) == 0);
    CHECK(trace(place(10), 0, 32, 8) == 3); /* the last ends where it does */
    CHECK(trace(place(10), 0, 31, 8) == 2);
    CHECK(trace(place(10), 0, 10, 8) == 0);
    CHECK(trace(place(10), 0, 5, 8) == 0);
    CHECK(trace(place(10) + 1, 0, 64, 8) == 0); /* not aligned */
    CHECK(trace(UINTPTR_MAX - 7, 0, 64, 8) == 0);
}

TEST(frames_that_do_not_ascend_end_the_trace)
{
    begin();
    stack[20] = place(20);
    CHECK(trace(place(10), 0, 64, 8) == 2);
    stack[20] = place(10);
    CHECK(trace(place(10), 0, 64, 8) == 2);
    stack[20] = 0;
    CHECK(trace(place(10), 0, 64, 8) == 2);
    stack[11] = 0;
    CHECK(trace(place(10), 0, 64, 8) == 0);
}
