/* SPDX-License-Identifier: ISC */
/*
 * glibc's internal names of stdio, for static libraries that were built against
 * it. Newlib has the other fortified functions itself.
 */
#define _GNU_SOURCE /* vasprintf */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* clang-format off */
void __chk_fail(void) __attribute__((noreturn));
int __printf_chk(int flag, const char *fmt, ...);
int __vprintf_chk(int flag, const char *fmt, va_list args);
int __fprintf_chk(FILE *f, int flag, const char *fmt, ...);
int __vfprintf_chk(FILE *f, int flag, const char *fmt, va_list args);
int __asprintf_chk(char **text, int flag, const char *fmt, ...);
int __vasprintf_chk(char **text, int flag, const char *fmt, va_list args);
char *__fgets_chk(char *text, size_t size, int len, FILE *f);
size_t __fread_chk(void *data, size_t room, size_t size, size_t count, FILE *f);
int __isoc99_sscanf(const char *text, const char *fmt, ...);
int __isoc99_vsscanf(const char *text, const char *fmt, va_list args);
int __isoc23_sscanf(const char *text, const char *fmt, ...);
long __isoc23_strtol(const char *text, char **end, int base);
unsigned long __isoc23_strtoul(const char *text, char **end, int base);
long long __isoc23_strtoll(const char *text, char **end, int base);
unsigned long long __isoc23_strtoull(const char *text, char **end, int base);
/* clang-format on */

/* In glibc these are variables, and in newlib macros. */
#undef stdin
#undef stdout
#undef stderr
extern FILE *stdin, *stdout, *stderr;

FILE *stdin = (FILE *)&__sf[0];
FILE *stdout = (FILE *)&__sf[1];
FILE *stderr = (FILE *)&__sf[2];

/* The body of a variadic function that passes its arguments as a va_list. */
#define WITH_LIST(result, call) \
    va_list args;               \
    result value;               \
                                \
    va_start(args, fmt);        \
    value = call;               \
    va_end(args);               \
    return value

int __vfprintf_chk(FILE *f, int flag, const char *fmt, va_list args)
{
    (void)flag;
    return vfprintf(f, fmt, args);
}

int __vprintf_chk(int flag, const char *fmt, va_list args)
{
    return __vfprintf_chk(stdout, flag, fmt, args);
}

int __printf_chk(int flag, const char *fmt, ...)
{
    WITH_LIST(int, __vfprintf_chk(stdout, flag, fmt, args));
}

int __fprintf_chk(FILE *f, int flag, const char *fmt, ...)
{
    WITH_LIST(int, __vfprintf_chk(f, flag, fmt, args));
}

int __vasprintf_chk(char **text, int flag, const char *fmt, va_list args)
{
    (void)flag;
    return vasprintf(text, fmt, args);
}

int __asprintf_chk(char **text, int flag, const char *fmt, ...)
{
    WITH_LIST(int, __vasprintf_chk(text, flag, fmt, args));
}

char *__fgets_chk(char *text, size_t size, int len, FILE *f)
{
    if (len > 0 && (size_t)len > size)
        __chk_fail();
    return fgets(text, len, f);
}

size_t __fread_chk(void *data, size_t room, size_t size, size_t count, FILE *f)
{
    if (size != 0 && count > room / size)
        __chk_fail();
    return fread(data, size, count, f);
}

int __isoc99_vsscanf(const char *text, const char *fmt, va_list args)
{
    return vsscanf(text, fmt, args);
}

int __isoc99_sscanf(const char *text, const char *fmt, ...)
{
    WITH_LIST(int, vsscanf(text, fmt, args));
}

int __isoc23_sscanf(const char *text, const char *fmt, ...)
{
    WITH_LIST(int, vsscanf(text, fmt, args));
}

long __isoc23_strtol(const char *text, char **end, int base)
{
    return strtol(text, end, base);
}

unsigned long __isoc23_strtoul(const char *text, char **end, int base)
{
    return strtoul(text, end, base);
}

long long __isoc23_strtoll(const char *text, char **end, int base)
{
    return strtoll(text, end, base);
}

unsigned long long __isoc23_strtoull(const char *text, char **end, int base)
{
    return strtoull(text, end, base);
}
