/* SPDX-License-Identifier: ISC */
/*
 * The crash report of a bare image. The names of functions are in a table in
 * the image, which the build makes from the linked program.
 */
#include <mirage/arch.h>
#include <mirage/bare.h>
#include <mirage/log.h>
#include <mirage/panic.h>
#include <mirage/platform.h>
#include <string.h>

#define FRAMES    24
#define NAME_SIZE 256 /* longer names are cut */
#define PREFIXES  16 /* lengths of prefixes; codes of text follow them */

/*
 * The table, made by backend/bare/symbols. For each function, by ascending
 * address: the distance from the one before (LEB128; from 0 for the first), and
 * the name. If a name begins with a byte below 16, that is the length of the
 * prefix that it shares with the name before. Other bytes are codes, which
 * stand for text. For each code from 16 on there are two bytes: two codes, or a
 * character and 0, or twice 0, which ends the name.
 */
struct symbols {
    uint32_t count;
    uint32_t text_end;
    unsigned char codes;
    unsigned char bytes[]; /* the pairs of all codes; then the functions */
};

extern const struct symbols image_symbols;
extern const char image_text[];

static const unsigned char *distance(const unsigned char *from, uintptr_t *far)
{
    int shift = 0;

    *far = 0;
    do {
        *far |= (uintptr_t)(*from & 0x7f) << shift;
        shift += 7;
    } while (*from++ & 0x80);
    return from;
}

struct name {
    char text[NAME_SIZE];
    size_t len;
    bool is_complete;
};

/* Appends the text of a code. A pair has only codes below its own. */
static void append(struct name *name, unsigned code)
{
    const unsigned char *pair = image_symbols.bytes + 2 * (code - PREFIXES);

    if (pair[1]) {
        append(name, pair[0]);
        append(name, pair[1]);
    } else if (!pair[0]) {
        name->is_complete = true;
    } else if (name->len < NAME_SIZE - 1) {
        name->text[name->len++] = (char)pair[0];
    }
}

/* Replaces the previous name by the next one. */
static const unsigned char *next_name(const unsigned char *from,
                                      struct name *name)
{
    name->len = *from < PREFIXES ? *from++ : 0;
    name->is_complete = false;
    while (!name->is_complete)
        append(name, *from++);
    name->text[name->len] = '\0';
    return from;
}

const char *bare_function_name(uintptr_t at, uintptr_t *from)
{
    static struct name name;
    const unsigned char *next = image_symbols.bytes + 2 * image_symbols.codes;
    uintptr_t far;
    uint32_t i;

    *from = 0;
    for (i = 0; i < image_symbols.count; i++) {
        next = distance(next, &far);
        if (far > at - *from)
            break;
        *from += far;
        next = next_name(next, &name);
    }
    return i > 0 && at < image_symbols.text_end ? name.text : NULL;
}

/* A line of the backtrace. at: the call, or where a fault was; shown: where it
 * goes on. */
static void say_line(size_t number, uintptr_t at, uintptr_t shown)
{
    uintptr_t from;
    const char *name = bare_function_name(at, &from);

    image_say("  #%zu ", number);
    if (name)
        image_say("%s+0x%zx", name, (size_t)(shown - from));
    else
        image_say("0x%zx", (size_t)shown);
    image_say(" [0x%zx]\n", (size_t)shown);
}

static bool is_code(uintptr_t at)
{
    return at >= (uintptr_t)image_text && at < image_symbols.text_end;
}

void bare_crash(uintptr_t pc, uintptr_t frame, uintptr_t sp)
{
    struct stack stack = image_fiber_stack();
    uintptr_t low = (uintptr_t)stack.low, returns[FRAMES], link;
    size_t count = 0, shown = 0;

    image_say("backtrace of fiber \"%s\":\n", image_fiber_name());
    if (pc) {
        say_line(shown++, pc, pc);
        if (stack.size > 2 * sizeof link &&
            sp - low < stack.size - 2 * sizeof link) {
            memcpy(&link, (const void *)sp, sizeof link);
            if (link == frame) /* RBP was pushed, but not yet set */
                memcpy(&link, (const void *)(sp + sizeof link), sizeof link);
            if (arch_is_return_address(link, is_code))
                returns[count++] = link;
        }
    }
    count += arch_backtrace(frame, low, low + stack.size, returns + count,
                            FRAMES - count);
    for (size_t i = 0; i < count; i++)
        say_line(shown++, returns[i] - 1, returns[i]);
    image_say("the last lines of the log:\n");
    log_dump();
    bare_leave(CRASH_EXIT);
}

void platform_crash(uintptr_t frame)
{
    bare_crash(0, frame, 0);
}

void platform_smashed(uintptr_t at)
{
    uintptr_t from;
    const char *name = bare_function_name(at - 1, &from);

    panic("stack smashing detected: %s has written past the end of an array",
          name ? name : "a function");
}
