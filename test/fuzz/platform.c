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

/* The allocator of the address sanitizer keeps freed memory for a while. By
 * default that is so much that the memory of each input is new to the processor
 * and to the host, which costs more than the input. Leaks are still found. To
 * see more than 8 callers of malloc in a report, set ASAN_OPTIONS. */
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
    return "quarantine_size_mb=4:malloc_context_size=8";
}

jmp_buf fuzz_exit;

const uint8_t *fuzz_input;
size_t fuzz_left;

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

__attribute__((weak)) void platform_put(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        (void)((const volatile char *)text)[i]; /* it must be readable */
}

__attribute__((weak)) void platform_answer(const char *text, size_t len)
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

/* Stacks are reused: there are thousands of fibers in a second. */
static struct stack spare[32];
static size_t spare_count;

enum status platform_stack(size_t size, struct stack *stack)
{
    for (size_t i = 0; i < spare_count; i++)
        if (spare[i].size == size) {
            *stack = spare[i];
            spare[i] = spare[--spare_count];
            return OK;
        }
    stack->low = aligned_alloc(4096, (size + 4095) / 4096 * 4096);
    stack->size = size;
    stack->guarded = false;
    return stack->low ? OK : ERR_NO_MEMORY;
}

void platform_stack_free(const struct stack *stack)
{
    if (spare_count < sizeof spare / sizeof spare[0])
        spare[spare_count++] = *stack;
    else
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
