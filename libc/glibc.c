/* SPDX-License-Identifier: ISC */
/*
 * Symbols for static libraries that were built against glibc: its internal
 * names of functions that newlib has, and its fortified functions. Error
 * numbers are the same in both up to ERANGE. FILE is newlib's, so glibc's
 * macros that access its members do not work.
 */
#include <mirage/panic.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* clang-format off */
int *__errno_location(void);
void __chk_fail(void) __attribute__((noreturn));
long __fdelt_chk(long fd);
ssize_t __read_chk(int fd, void *data, size_t len, size_t size);
char *__strncpy_chk(char *to, const char *from, size_t len, size_t size);
void __explicit_bzero_chk(void *data, size_t len, size_t size);
void __assert_fail(const char *condition, const char *file, unsigned line,
                   const char *function) __attribute__((noreturn));
char *secure_getenv(const char *name);
char *__secure_getenv(const char *name);
int open64(const char *path, int flags, ...);
int64_t lseek64(int fd, int64_t to, int from);
long sysconf(int name);
size_t __ctype_get_mb_cur_max(void);
const unsigned short **__ctype_b_loc(void);
const int32_t **__ctype_tolower_loc(void);
const int32_t **__ctype_toupper_loc(void);
/* clang-format on */

int *__errno_location(void)
{
    return &errno;
}

void __chk_fail(void)
{
    panic("a library function was to write past the end of its buffer");
}

long __fdelt_chk(long fd)
{
    if (fd < 0 || fd >= 1024)
        __chk_fail();
    return fd / 64;
}

ssize_t __read_chk(int fd, void *data, size_t len, size_t size)
{
    if (len > size)
        __chk_fail();
    return read(fd, data, len);
}

void __explicit_bzero_chk(void *data, size_t len, size_t size)
{
    if (len > size)
        __chk_fail();
    explicit_bzero(data, len);
}

void __assert_fail(const char *condition, const char *file, unsigned line,
                   const char *function)
{
    image_panic(file, (int)line, "assert(%s) failed, in %s", condition,
                function);
}

char *secure_getenv(const char *name)
{
    return getenv(name);
}

char *__secure_getenv(const char *name)
{
    return getenv(name);
}

/* glibc's and newlib's flags differ, but for the access mode. */
int open64(const char *path, int flags, ...)
{
    return open(path, flags & O_ACCMODE);
}

int64_t lseek64(int fd, int64_t to, int from)
{
    return lseek(fd, to, from);
}

size_t __ctype_get_mb_cur_max(void)
{
    return 1;
}

/* Tables of characters from -128 to 255, filled at the first call. */
enum { LOW = -128,
       COUNT = 384 };

/* glibc's bits, on a little-endian machine. */
static unsigned short bits(int c)
{
    /* clang-format off */
    return (unsigned short)(
        !!isupper(c) << 8 | !!islower(c) << 9 | !!isalpha(c) << 10 |
        !!isdigit(c) << 11 | !!isxdigit(c) << 12 | !!isspace(c) << 13 |
        !!isprint(c) << 14 | !!isgraph(c) << 15 | !!isblank(c) << 0 |
        !!iscntrl(c) << 1 | !!ispunct(c) << 2 | !!isalnum(c) << 3);
    /* clang-format on */
}

const unsigned short **__ctype_b_loc(void)
{
    static unsigned short table[COUNT];
    static const unsigned short *zero;

    if (zero == NULL) {
        for (int c = 0; c < 128; c++)
            table[c - LOW] = bits(c);
        zero = table - LOW;
    }
    return &zero;
}

/* Fills a table with function(c) for ASCII, and c for all other characters. */
static const int32_t *fill(int32_t *table, int function(int c))
{
    for (int c = LOW; c < COUNT + LOW; c++)
        table[c - LOW] = c >= 0 && c < 128 ? function(c) : c;
    return table - LOW;
}

const int32_t **__ctype_tolower_loc(void)
{
    static int32_t table[COUNT];
    static const int32_t *zero;

    if (zero == NULL)
        zero = fill(table, tolower);
    return &zero;
}

const int32_t **__ctype_toupper_loc(void)
{
    static int32_t table[COUNT];
    static const int32_t *zero;

    if (zero == NULL)
        zero = fill(table, toupper);
    return &zero;
}
