/* SPDX-License-Identifier: ISC */
/*
 * A platform for fuzz targets: nothing is printed, time stands still, and
 * what would end the image returns to the target instead.
 */
#include "platform.h"
#include <mirage/main.h>
#include <mirage/platform.h>
#include <stdlib.h>
#include <string.h>

jmp_buf fuzz_exit;

nanoseconds platform_now(void)
{
    return 0;
}

nanoseconds platform_wall(void)
{
    return 0;
}

void platform_wait(nanoseconds deadline)
{
    (void)deadline;
}

void platform_entropy(void *data, size_t len)
{
    memset(data, 0, len);
}

void platform_put(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        (void)((const volatile char *)text)[i]; /* it must be there to read */
}

void platform_answer(const char *text, size_t len)
{
    platform_put(text, len);
}

void platform_exit(int code)
{
    longjmp(fuzz_exit, code + 1);
}

void platform_crash(uintptr_t frame)
{
    (void)frame;
    abort();
}

void *platform_pages(size_t count)
{
    return aligned_alloc(PAGE_BYTES, count * PAGE_BYTES);
}

void platform_pages_free(void *pages, size_t count)
{
    (void)count;
    free(pages);
}

enum status platform_stack(size_t size, struct stack *stack)
{
    (void)size;
    (void)stack;
    return ERR_NO_MEMORY;
}

void platform_stack_free(const struct stack *stack)
{
    (void)stack;
}

void mirage_main(void)
{
}
