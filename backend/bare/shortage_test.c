/* SPDX-License-Identifier: ISC */
/* The warning that the heap cannot grow, and the function that it names. */
#include "said.h"
#include <mirage/arch.h>
#include <mirage/bare.h>
#define arch_backtrace tested_backtrace

static size_t tested_backtrace(uintptr_t frame, uintptr_t low, uintptr_t high,
                               uintptr_t *addresses, size_t max);

#include "shortage.c"
#include "check.h"

/* The functions that called each other, the innermost first. Function i has 100
 * addresses from 100 * (i + 1) on, and calls by an instruction of one byte. */
static const char *const *callers;
static size_t caller_count;

static size_t tested_backtrace(uintptr_t frame, uintptr_t low, uintptr_t high,
                               uintptr_t *addresses, size_t max)
{
    struct stack stack = image_fiber_stack();
    size_t i;

    CHECK(frame >= low && frame < high);
    CHECK(low == (uintptr_t)stack.low && high == low + stack.size);
    for (i = 0; i < caller_count && i < max; i++)
        addresses[i] = 100 * (i + 1) + 1;
    return i;
}

const char *bare_function_name(uintptr_t at, uintptr_t *from)
{
    *from = at / 100 * 100;
    return callers[at / 100 - 1];
}

/* Reports shortages until one is logged. */
static const char *logged(const char *const *names, size_t count)
{
    callers = names;
    caller_count = count;
    for (int i = 0; i < 1 << 20 && said_len == 0; i++)
        shortage_report(80);
    return said_since();
}

TEST(of_many_shortages_the_1st_2nd_4th_and_so_on_are_logged)
{
    static const char *const names[] = {"job"};
    size_t logs = 0;

    callers = names;
    caller_count = 1;
    for (size_t i = 1; i <= 1024; i++) {
        char wanted[100];

        shortage_report(70000);
        if (said_len == 0)
            continue;
        snprintf(wanted, sizeof wanted, "by job, the %zu. time", i);
        CHECK((i & (i - 1)) == 0);
        CHECK(strstr(said_since(), wanted) != NULL);
        logs++;
    }
    CHECK(logs == 11);
}

TEST(the_function_that_called_the_allocator_is_named)
{
    static const char *const names[] = {
        "platform_heap", "sbrk", "heap_grow", "_malloc_r", "malloc",
        "_calloc_r", "calloc", "_realloc_r", "realloc", "_memalign_r",
        "memalign", "posix_memalign"};
    static const char *const by_core[] = {"malloc", "image_memory", "job",
                                          "main"};
    static const char *const nameless[] = {"malloc", NULL, "mallocs"};

    CHECK(strstr(logged(by_core, 4), "80 bytes were asked for by job,"));
    CHECK(strstr(logged(nameless, 3), "asked for by mallocs,"));
    CHECK(strstr(logged(names, 12), "asked for by nobody we know,"));
    CHECK(strstr(logged(names, 0), "asked for by nobody we know,"));
}
