/* SPDX-License-Identifier: ISC */
/*
 * text: printf-style formatting (C11, 7.21.6.1) that needs no C library and
 * does not allocate. Does not block, if the sink does not.
 *
 * Conversions: d i u x X o c s p % and f F e E g G (double, correctly rounded),
 * with the flags - + space 0 #, width, precision, and the lengths hh h l ll j z
 * t. Not supported: n, a, long double, wide characters (the l of ls and lc is
 * ignored) and positional arguments. An unknown directive is printed as it is,
 * and consumes no argument. A precision of a double over 1,080 counts as 1,080.
 */
#ifndef MIRAGE_TEXT_H
#define MIRAGE_TEXT_H

#include <stdarg.h>
#include <stddef.h>

/* Receives formatted text, piece by piece, in order. text has no NUL, and is
 * lent for the call. */
typedef void text_sink(void *ctx, const char *text, size_t len);

/* Formats to sink; returns the number of bytes that it was given. */
size_t text_vprint(text_sink *sink, void *ctx, const char *fmt, va_list args);

/*
 * Formats to the `size` bytes at buffer, ended by a NUL unless size is zero.
 * Returns the length of the whole text without the NUL: if that is size or
 * more, the text in buffer was cut.
 */
size_t text_format(char *buffer, size_t size, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
size_t text_vformat(char *buffer, size_t size, const char *fmt, va_list args);

/*
 * Quotes len bytes of untrusted text like the contents of a C string literal,
 * so that it cannot control a terminal or start a new line. Printable ASCII is
 * copied, but " and \ become \" and \\; tab, newline and carriage return become
 * \t, \n and \r; each other byte becomes \x and two digits.
 *
 * Writes to the `size` bytes at buffer, ended by a NUL unless size is zero, and
 * cut before an escape that does not fit; 4 * len + 1 bytes are always enough.
 * Returns the length of the whole result without the NUL: if that is size or
 * more, the text in buffer was cut.
 */
size_t text_quote(char *buffer, size_t size, const void *text, size_t len);

#endif
