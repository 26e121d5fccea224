/* SPDX-License-Identifier: ISC */
/* require_memory, on an allocator of the test. */
#include <mirage/panic.h>
#include <stdlib.h>
#define image_panic        tested_panic
#define calloc(count, len) tested_calloc(count, len)
static void tested_panic(const char *file, int line, const char *fmt, ...)
    __attribute__((noreturn, format(printf, 3, 4)));
static void *tested_calloc(size_t count, size_t len);
#include "memory.c"
#undef calloc
#undef image_panic
#include "check.h"
#include <mirage/text.h>
#include <setjmp.h>

static jmp_buf out;
static char said[128];
static size_t asked;
static bool fails;

static void tested_panic(const char *file, int line, const char *fmt, ...)
{
    va_list args;
    size_t len = text_format(said, sizeof said, "%s:%d: ", file, line);

    va_start(args, fmt);
    text_vformat(said + len, sizeof said - len, fmt, args);
    va_end(args);
    longjmp(out, 1);
}

static void *tested_calloc(size_t count, size_t len)
{
    asked = count * len;
    return fails ? NULL : calloc(count, len);
}

TEST(memory_that_is_required_is_cleared)
{
    uint8_t *p = image_memory("x.c", 1, 1000);

    CHECK(asked == 1000);
    for (int i = 0; i < 1000; i++)
        CHECK(p[i] == 0);
    free(p);
    p = image_memory("x.c", 1, 0); /* calloc may answer NULL to 0 bytes */
    CHECK(asked == 1);
    free(p);
}

TEST(without_memory_the_image_ends_and_says_how_much_was_needed)
{
    fails = true;
    if (!setjmp(out))
        CHECK(!image_memory("x.c", 7, 12345));
    CHECK_TEXT(said, "x.c:7: out of memory: 12345 bytes were asked for");
    fails = false;
}
