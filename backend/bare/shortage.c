/* SPDX-License-Identifier: ISC */
/* Names the function whose allocation failed, from a backtrace. */
#include "shortage.h"
#include <mirage/arch.h>
#include <mirage/bare.h>
#include <mirage/log.h>
#include <mirage/platform.h>
#include <string.h>

#define FRAMES 12

LOG_SOURCE(heap);

/* Is this an allocator: that of C, one of newlib, or one of ours? */
static bool is_allocator(const char *name)
{
    static const char *const names[] = {
        "platform_heap", "sbrk", "heap_grow", "_malloc_r", "malloc",
        "_calloc_r", "calloc", "_realloc_r", "realloc", "_memalign_r",
        "memalign", "posix_memalign", "image_memory"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static const char *name_caller(void)
{
    struct stack stack = image_fiber_stack();
    uintptr_t low = (uintptr_t)stack.low, from, returns[FRAMES];
    size_t count = arch_backtrace((uintptr_t)__builtin_frame_address(0),
                                  low, low + stack.size, returns, FRAMES);

    for (size_t i = 0; i < count; i++) {
        const char *name = bare_function_name(returns[i] - 1, &from);

        if (name && !is_allocator(name))
            return name;
    }
    return "nobody we know";
}

void shortage_report(size_t size)
{
    static size_t count;

    count++;
    if ((count & (count - 1)) == 0)
        log_warning(&heap,
                    "out of memory: %zu bytes were asked for by %s, the %zu. "
                    "time that there is too little",
                    size, name_caller(), count);
}
