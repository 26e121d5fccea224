/* SPDX-License-Identifier: ISC */
/*
 * The crash report of a bare image. The names of its functions lie in the
 * image itself, in a table that the build makes of the linked program.
 */
#include <mirage/arch.h>
#include <mirage/bare.h>
#include <mirage/log.h>
#include <mirage/platform.h>
#include <string.h>

#define FRAMES 24

/*
 * Made by backend/bare/symbols: addresses rise, and the names follow them, one
 * after the other in the same order.
 */
struct symbols {
    uint32_t count;
    uint32_t text_end;
    uint32_t address[];
};

extern const struct symbols image_symbols;
extern const char           image_text[];

static const char *name_of(const struct symbols *s, size_t function)
{
    const char *name = (const char *)&s->address[s->count];

    while (function-- > 0)
        name += strlen(name) + 1;
    return name;
}

const char *bare_function(uintptr_t at, uintptr_t *from)
{
    const struct symbols *s = &image_symbols;
    size_t                low = 0, high = s->count;

    if (s->count == 0 || at < s->address[0] || at >= s->text_end)
        return NULL;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        if (s->address[middle] <= at)
            low = middle;
        else
            high = middle;
    }
    *from = s->address[low];
    return name_of(s, low);
}

static void say_function(uintptr_t at, uintptr_t shown)
{
    uintptr_t   from;
    const char *name = bare_function(at, &from);

    if (name)
        image_say("%s+0x%zx", name, (size_t)(shown - from));
    else
        image_say("0x%zx", (size_t)shown);
}

static bool is_code(uintptr_t at)
{
    return at >= (uintptr_t)image_text && at < image_symbols.text_end;
}

void bare_crash(uintptr_t pc, uintptr_t frame, uintptr_t sp)
{
    struct stack stack = image_fiber_stack();
    uintptr_t    low = (uintptr_t)stack.low, returns[FRAMES], link;
    size_t       count = 0, shown = 0;

    image_say("backtrace of fiber \"%s\":\n", image_fiber_name());
    if (pc) {
        image_say("  #%zu ", shown++);
        say_function(pc, pc);
        image_say(" [0x%zx]\n", (size_t)pc);
        if (stack.size > 2 * sizeof link &&
            sp - low < stack.size - 2 * sizeof link) {
            memcpy(&link, (const void *)sp, sizeof link);
            if (link == frame) /* pushed already, but no more */
                memcpy(&link, (const void *)(sp + sizeof link), sizeof link);
            if (arch_is_return_address(link, is_code))
                returns[count++] = link;
        }
    }
    count += arch_backtrace(frame, low, low + stack.size, returns + count,
                            FRAMES - count);
    for (size_t i = 0; i < count; i++) {
        image_say("  #%zu ", shown++);
        say_function(returns[i] - 1, returns[i]);
        image_say(" [0x%zx]\n", (size_t)returns[i]);
    }
    image_say("the last lines of the log:\n");
    log_dump();
    bare_leave(CRASH_EXIT);
}

void platform_crash(uintptr_t frame)
{
    bare_crash(0, frame, 0);
}
