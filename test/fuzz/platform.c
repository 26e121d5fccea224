/* SPDX-License-Identifier: ISC */
/*
 * A platform for fuzz targets: nothing is printed, time advances when a fiber
 * waits, and platform_exit jumps back to the target. Weak functions can be
 * replaced by a target, and by backend/bare, if that is linked.
 */
#include "platform.h"
#include <bare/pages.h>
#include <mirage/bare.h>
#include <mirage/libc.h>
#include <mirage/main.h>
#include <mirage/platform.h>
#include <stdlib.h>
#include <string.h>

jmp_buf fuzz_exit;

nanoseconds fuzz_now;

__attribute__((weak)) nanoseconds platform_now(void)
{
    return fuzz_now;
}

bool platform_was_held(nanoseconds length)
{
    (void)length;
    return true;
}

nanoseconds platform_wall(void)
{
    return 0;
}

__attribute__((weak)) void platform_wait(nanoseconds deadline)
{
    if (deadline > fuzz_now && deadline != FOREVER)
        fuzz_now = deadline;
}

void platform_entropy(void *data, size_t len)
{
    memset(data, 0, len);
}

void platform_seed(void *data, size_t len)
{
    platform_entropy(data, len);
}

bool platform_is_copied(void)
{
    return false;
}

void platform_put(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        (void)((const volatile char *)text)[i]; /* it must be readable */
}

void platform_answer(const char *text, size_t len)
{
    platform_put(text, len);
}

void bare_leave(int code)
{
    longjmp(fuzz_exit, code + 1);
}

__attribute__((weak)) void platform_exit(int code)
{
    bare_leave(code);
}

void platform_crash(uintptr_t frame)
{
    (void)frame;
    abort();
}

void *platform_pages(size_t count)
{
    void *pages = aligned_alloc(PAGE_BYTES, count * PAGE_BYTES);

    return pages ? memset(pages, 0, count * PAGE_BYTES) : NULL;
}

void *platform_buffers(size_t count)
{
    return platform_pages(count);
}

void platform_pages_free(void *pages, size_t count)
{
    (void)count;
    free(pages);
}

__attribute__((weak)) enum status platform_stack(size_t size,
                                                 struct stack *stack)
{
    stack->low = aligned_alloc(4096, (size + 4095) / 4096 * 4096);
    stack->size = size;
    stack->guarded = false;
    return stack->low ? OK : ERR_NO_MEMORY;
}

__attribute__((weak)) void platform_stack_free(const struct stack *stack)
{
    free(stack->low);
}

void mirage_main(void)
{
}

/* Further symbols that backend/bare refers to. */

const char mirage_name[] = "fuzz";

typedef void constructor(void);
constructor *const image_init_first[1], *const image_init_last[1];

void libc_stop(void)
{
}

void entropy_report(void)
{
}

__attribute__((weak)) size_t pages_free_count(void)
{
    return 0;
}

size_t pages_unmapped_count(void)
{
    return 0;
}
