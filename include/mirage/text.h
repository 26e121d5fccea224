/* SPDX-License-Identifier: ISC */
/*
 * text: printf-style formatting without a C library, without memory.
 *
 * Conversions: d i u x X o c s p % and f F e E g G (exact, double), with the
 * flags - + space 0 #, a width, a precision, and the lengths hh h l ll j z t.
 * Not here: n, a, long double, wide characters (the l of ls and lc means
 * nothing) and positional arguments. A directive that is not known is printed
 * as it stands, and takes no argument. At most 1,080 places behind the point.
 */
#ifndef MIRAGE_TEXT_H
#define MIRAGE_TEXT_H

#include <stdarg.h>
#include <stddef.h>

/* Where formatted text goes, piece by piece, in order. */
typedef void text_sink(void *ctx, const char *text, size_t len);

/* Formats into sink; returns the number of bytes given to it. */
size_t text_vprint(text_sink *sink, void *ctx, const char *fmt, va_list args);

/*
 * Formats into the size bytes at buffer, always ended by a NUL unless size is
 * zero. Returns the length of the whole text without the NUL, so a result of
 * size or more says that it was cut.
 */
size_t text_format(char *buffer, size_t size, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
size_t text_vformat(char *buffer, size_t size, const char *fmt, va_list args);

/*
 * Quotes len bytes of foreign text, as they could stand between quotes in C, so
 * that escape sequences in it do nothing to a terminal and it ends no line.
 * Printable ASCII stays as it is, but for \" and \\; tab, newline and carriage
 * return are \t, \n and \r; each other byte is \x and two digits.
 *
 * The result goes to the size bytes at buffer, always ended by a NUL unless
 * size is zero, and cut in front of an escape that does not fit; 4 * len + 1
 * bytes hold any. Returns the length of the whole result without the NUL, so
 * that size or more says that it was cut.
 */
size_t text_quote(char *buffer, size_t size, const void *text, size_t len);

#endif
