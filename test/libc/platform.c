/* SPDX-License-Identifier: ISC */
/*
 * A platform for tests of the C library, by a few system calls of Linux.
 * Nothing of the C library of the host is linked.
 */
#include <mirage/libc.h>
#include <mirage/panic.h>
#include <mirage/platform.h>
#include <mirage/text.h>
#include <string.h>

int main(int count, char **words);

enum { READ = 0,
       WRITE = 1,
       BRK = 12,
       EXIT = 60,
       ARCH_PRCTL = 158,
       CLOCK_GETTIME = 228,
       GETRANDOM = 318 };
enum { SET_FS = 0x1002 };

static long call(long number, long a, long b, long c)
{
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c)
                     : "rcx", "r11", "memory");
    return result;
}

void platform_put(const char *text, size_t len)
{
    call(WRITE, 2, (long)text, (long)len);
}

void platform_answer(const char *text, size_t len)
{
    call(WRITE, 1, (long)text, (long)len);
}

enum status platform_input(void *data, size_t len, size_t *got)
{
    long n = call(READ, 0, (long)data, (long)len);

    *got = (size_t)n;
    return n > 0 ? OK : n == 0 ? ERR_EOF
                               : ERR_IO;
}

void platform_exit(int code)
{
    libc_stop();
    for (;;)
        call(EXIT, code, 0, 0);
}

void platform_entropy(void *data, size_t len)
{
    if (call(GETRANDOM, (long)data, (long)len, 0) != (long)len)
        panic("getrandom failed");
}

void platform_seed(void *data, size_t len)
{
    platform_entropy(data, len);
}

bool platform_is_copied(void)
{
    return false;
}

static nanoseconds clock(long which)
{
    long now[2];

    call(CLOCK_GETTIME, which, (long)now, 0);
    return (nanoseconds)now[0] * SECOND + (nanoseconds)now[1];
}

nanoseconds platform_wall(void)
{
    return clock(0);
}

nanoseconds platform_now(void)
{
    return clock(1);
}

nanoseconds time_now(void)
{
    return platform_now();
}

nanoseconds time_after(nanoseconds length)
{
    return platform_now() + length;
}

enum status time_sleep_until(nanoseconds deadline)
{
    while (platform_now() < deadline)
        ;
    return OK;
}

/* A heap of 64 MiB. */
void *platform_heap(size_t size)
{
    static char *begin, *end;
    char *before;

    if (end == NULL)
        begin = end = (char *)call(BRK, 0, 0, 0);
    before = end;
    if (size > (64u << 20) - (size_t)(end - begin) ||
        (char *)call(BRK, (long)(end + size), 0, 0) != end + size)
        return NULL;
    end += size;
    return before;
}

static void put(void *ctx, const char *text, size_t len)
{
    (void)ctx;
    platform_put(text, len);
}

/* Ends without exit of the C library, as a crash does. */
void platform_smashed(uintptr_t at)
{
    (void)at;
    panic("stack smashing detected");
}

void image_panic(const char *file, int line, const char *fmt, ...)
{
    char place[128];
    va_list args;

    text_format(place, sizeof place, "%s:%d: ", file, line);
    platform_put(place, strlen(place));
    va_start(args, fmt);
    text_vprint(put, NULL, fmt, args);
    va_end(args);
    platform_put("\n", 1);
    for (;;)
        call(EXIT, 99, 0, 0);
}

/* Defined by the linker. */
typedef void constructor(void);
extern constructor *__init_array_start[], *__init_array_end[];

__attribute__((used, noreturn)) static void begin(long *stack)
{
    libc_start();
    call(ARCH_PRCTL, SET_FS, (long)libc_thread_block, 0);
    for (constructor **c = __init_array_start; c < __init_array_end; c++)
        (*c)();
    platform_exit(main((int)stack[0], (char **)(stack + 1)));
}

__asm__(".globl _start\n"
        "_start: xor %ebp, %ebp\n"
        "mov %rsp, %rdi\n"
        "and $-16, %rsp\n"
        "call begin");
