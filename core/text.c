/* SPDX-License-Identifier: ISC */
/*
 * printf-style formatting (C11, 7.21.6.1) without a C library. A directive is
 * parsed into a struct, its digits are written to a small buffer, and
 * put_padded adds sign, zeros and padding. Also quotes foreign text.
 */
#include "decimal.h"
#include <mirage/macros.h>
#include <mirage/text.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct output {
    text_sink *sink;
    void *ctx;
    size_t total;
};

struct directive {
    bool left, plus, space, zero, alternate;
    int width, precision; /* precision < 0: none given */
    char length; /* 'H' is hh, 'q' is ll; 0: none */
    char conversion;
};

static void put(struct output *out, const char *text, size_t len)
{
    if (len > 0)
        out->sink(out->ctx, text, len);
    out->total += len;
}

static void repeat(struct output *out, char c, int count)
{
    char run[32];

    memset(run, c, sizeof run);
    for (; count > 0; count -= (int)sizeof run)
        put(out, run, (size_t)min(count, (int)sizeof run));
}

/*
 * Writes prefix (a sign, 0x), zeros and text, padded to the width. All padding
 * is done here.
 */
static void put_padded(struct output *out, const struct directive *d,
                       const char *prefix, int zeros, const char *text,
                       size_t len)
{
    size_t prefix_len = strlen(prefix);
    int fill = d->width - (int)(prefix_len + len) - zeros;

    if (!d->left && !d->zero)
        repeat(out, ' ', fill);
    put(out, prefix, prefix_len);
    if (!d->left && d->zero)
        repeat(out, '0', fill);
    repeat(out, '0', zeros);
    put(out, text, len);
    if (d->left)
        repeat(out, ' ', fill);
}

static const char *sign_of(const struct directive *d, bool negative)
{
    if (negative)
        return "-";
    if (d->plus)
        return "+";
    return d->space ? " " : "";
}

static void put_integer(struct output *out, struct directive *d,
                        uint64_t value, unsigned base, const char *prefix)
{
    const char *digits = d->conversion == 'X' ? "0123456789ABCDEF"
                                              : "0123456789abcdef";
    char text[24];
    char *at = text + sizeof text;
    size_t len;
    int zeros;

    for (uint64_t v = value; v > 0; v /= base)
        *--at = digits[v % base];
    len = (size_t)(text + sizeof text - at);
    if (d->precision >= 0)
        d->zero = false;
    zeros = (d->precision < 0 ? 1 : d->precision) - (int)len;
    if (base == 8 && d->alternate && zeros <= 0)
        zeros = 1;
    put_padded(out, d, prefix, max(zeros, 0), at, len);
}

/* The number of significant digits that %g shows without the flag '#'. */
static int significant(const struct decimal *d, int most)
{
    int n = min(d->count, most);

    while (n > 0 && d->digit[n - 1] == 0)
        n--;
    return n;
}

/* Writes ddd.ddd with `places` digits after the point; returns the length. */
static size_t write_fixed(const struct directive *d, const struct decimal *dec,
                          int places, char *text)
{
    char *at = text;

    for (int i = dec->point > 0 ? 0 : dec->point - 1; i < dec->point; i++)
        *at++ = decimal_digit(dec, i);
    if (places > 0 || d->alternate)
        *at++ = '.';
    for (int i = 0; i < places; i++)
        *at++ = decimal_digit(dec, dec->point + i);
    return (size_t)(at - text);
}

/* Writes d.ddde+dd; returns the length. */
static size_t write_exponent(const struct directive *d,
                             const struct decimal *dec, int places, char *text)
{
    char *at = text;
    int exponent = dec->count ? dec->point - 1 : 0;

    *at++ = decimal_digit(dec, 0);
    if (places > 0 || d->alternate)
        *at++ = '.';
    for (int i = 1; i <= places; i++)
        *at++ = decimal_digit(dec, i);
    *at++ = d->conversion == 'E' || d->conversion == 'G' ? 'E' : 'e';
    *at++ = exponent < 0 ? '-' : '+';
    if (exponent < 0)
        exponent = -exponent;
    if (exponent >= 100)
        *at++ = (char)('0' + exponent / 100);
    *at++ = (char)('0' + exponent / 10 % 10);
    *at++ = (char)('0' + exponent % 10);
    return (size_t)(at - text);
}

/* Writes %g in fixed or exponent notation; returns the length. */
static size_t write_general(const struct directive *d, struct decimal *dec,
                            int digits, char *text)
{
    int exponent, shown;

    decimal_round(dec, digits);
    exponent = dec->count ? dec->point - 1 : 0;
    shown = d->alternate ? digits : significant(dec, digits);
    if (exponent < -4 || exponent >= digits)
        return write_exponent(d, dec, shown > 0 ? shown - 1 : 0, text);
    return write_fixed(d, dec, shown > exponent + 1 ? shown - exponent - 1 : 0,
                       text);
}

/* A larger precision is reduced to this: a double has at most 1,074 digits
 * after the point. */
#define MOST_PLACES 1080

static void put_double(struct output *out, struct directive *d, double value)
{
    struct decimal dec;
    char text[320 + MOST_PLACES];
    size_t len;
    uint64_t bits;
    char kind = (char)(d->conversion | 0x20);
    const char *sign;
    int p = d->precision < 0 ? 6 : d->precision;

    memcpy(&bits, &value, sizeof bits);
    sign = sign_of(d, bits >> 63);
    if ((bits >> 52 & 0x7ff) == 0x7ff) {
        bool nan = bits & 0xfffffffffffffu;
        bool small = d->conversion == kind;

        d->zero = false;
        put_padded(out, d, sign, 0,
                   nan ? &"nanNAN"[small ? 0 : 3] : &"infINF"[small ? 0 : 3],
                   3);
        return;
    }
    p = min(p, MOST_PLACES);
    decimal_of(&dec, value);
    if (kind == 'f') {
        decimal_round(&dec, dec.point + p);
        len = write_fixed(d, &dec, p, text);
    } else if (kind == 'e') {
        decimal_round(&dec, p + 1);
        len = write_exponent(d, &dec, p, text);
    } else {
        len = write_general(d, &dec, p ? p : 1, text);
    }
    put_padded(out, d, sign, 0, text, len);
}

static int parse_number(const char **fmt)
{
    int n = 0;

    while (**fmt >= '0' && **fmt <= '9') {
        int digit = *(*fmt)++ - '0';

        n = n > 100000 ? n : n * 10 + digit;
    }
    return n;
}

static bool parse_flag(struct directive *d, char c)
{
    switch (c) {
    case '-': return d->left = true;
    case '+': return d->plus = true;
    case ' ': return d->space = true;
    case '0': return d->zero = true;
    case '#': return d->alternate = true;
    default: return false;
    }
}

static bool is_length(char c)
{
    return c == 'h' || c == 'l' || c == 'j' || c == 'z' || c == 't';
}

/* A va_list in a struct, so that helpers can advance it by pointer. */
struct arguments {
    va_list list;
};

static struct directive parse_directive(const char **fmt,
                                        struct arguments *args)
{
    struct directive d = {.precision = -1};

    while (parse_flag(&d, **fmt))
        (*fmt)++;
    if (**fmt == '*') {
        (*fmt)++;
        d.width = va_arg(args->list, int);
        if (d.width < 0) {
            d.left = true;
            d.width = -d.width;
        }
    } else {
        d.width = parse_number(fmt);
    }
    if (**fmt == '.') {
        (*fmt)++;
        if (**fmt == '*') {
            (*fmt)++;
            d.precision = va_arg(args->list, int);
        } else {
            d.precision = parse_number(fmt);
        }
    }
    if (is_length(**fmt)) {
        d.length = *(*fmt)++;
        if (**fmt == d.length && (d.length == 'h' || d.length == 'l')) {
            (*fmt)++;
            d.length = d.length == 'h' ? 'H' : 'q';
        }
    }
    d.conversion = **fmt;
    if (d.conversion)
        (*fmt)++;
    return d;
}

static int64_t next_signed(char length, struct arguments *args)
{
    switch (length) {
    case 'H': return (signed char)va_arg(args->list, int);
    case 'h': return (short)va_arg(args->list, int);
    case 'l': return va_arg(args->list, long);
    case 'q': return va_arg(args->list, long long);
    case 'j': return va_arg(args->list, intmax_t);
    case 'z':
    case 't': return va_arg(args->list, ptrdiff_t);
    default: return va_arg(args->list, int);
    }
}

static uint64_t next_unsigned(char length, struct arguments *args)
{
    switch (length) {
    case 'H': return (unsigned char)va_arg(args->list, int);
    case 'h': return (unsigned short)va_arg(args->list, int);
    case 'l': return va_arg(args->list, unsigned long);
    case 'q': return va_arg(args->list, unsigned long long);
    case 'j': return va_arg(args->list, uintmax_t);
    case 'z':
    case 't': return va_arg(args->list, size_t);
    default: return va_arg(args->list, unsigned);
    }
}

static void put_signed(struct output *out, struct directive *d, int64_t value)
{
    put_integer(out, d, value < 0 ? -(uint64_t)value : (uint64_t)value, 10,
                sign_of(d, value < 0));
}

static void put_string(struct output *out, struct directive *d, const char *s)
{
    size_t len;

    if (!s)
        s = "(null)";
    len = d->precision < 0 ? strlen(s) : strnlen(s, (size_t)d->precision);
    d->zero = false;
    put_padded(out, d, "", 0, s, len);
}

/* False: the conversion is unknown, and nothing was written. */
static bool put_directive(struct output *out, struct directive *d,
                          struct arguments *args)
{
    const char *prefix;
    uint64_t value;
    char c;

    switch (d->conversion) {
    case 'd':
    case 'i':
        put_signed(out, d, next_signed(d->length, args));
        return true;
    case 'u':
    case 'o':
        value = next_unsigned(d->length, args);
        put_integer(out, d, value, d->conversion == 'o' ? 8 : 10, "");
        return true;
    case 'x':
    case 'X':
        value = next_unsigned(d->length, args);
        prefix = d->conversion == 'x' ? "0x" : "0X";
        put_integer(out, d, value, 16, d->alternate && value ? prefix : "");
        return true;
    case 'p':
        put_integer(out, d, (uintptr_t)va_arg(args->list, void *), 16, "0x");
        return true;
    case 'c':
        c = (char)va_arg(args->list, int);
        d->zero = false;
        put_padded(out, d, "", 0, &c, 1);
        return true;
    case 's':
        put_string(out, d, va_arg(args->list, const char *));
        return true;
    case 'f':
    case 'F':
    case 'e':
    case 'E':
    case 'g':
    case 'G':
        put_double(out, d, va_arg(args->list, double));
        return true;
    case '%':
        put(out, "%", 1);
        return true;
    default:
        return false;
    }
}

size_t text_vprint(text_sink *sink, void *ctx, const char *fmt, va_list list)
{
    struct output out = {sink, ctx, 0};
    struct arguments args;

    va_copy(args.list, list);
    for (;;) {
        const char *percent = fmt + strcspn(fmt, "%");
        const char *after = percent + 1;
        struct directive d;

        put(&out, fmt, (size_t)(percent - fmt));
        if (!*percent)
            break;
        d = parse_directive(&after, &args);
        if (!put_directive(&out, &d, &args))
            put(&out, percent, (size_t)(after - percent));
        fmt = after;
    }
    va_end(args.list);
    return out.total;
}

struct bounded {
    char *buffer;
    size_t size, len;
};

static void put_bounded(void *ctx, const char *text, size_t len)
{
    struct bounded *b = ctx;

    if (b->len + 1 < b->size) {
        size_t room = b->size - 1 - b->len;

        memcpy(b->buffer + b->len, text, min(len, room));
    }
    b->len += len;
}

size_t text_vformat(char *buffer, size_t size, const char *fmt, va_list args)
{
    struct bounded b = {buffer, size, 0};

    text_vprint(put_bounded, &b, fmt, args);
    if (size > 0)
        buffer[min(b.len, size - 1)] = '\0';
    return b.len;
}

size_t text_format(char *buffer, size_t size, const char *fmt, ...)
{
    va_list args;
    size_t len;

    va_start(args, fmt);
    len = text_vformat(buffer, size, fmt, args);
    va_end(args);
    return len;
}

/* Writes the escape of c, or c itself, to piece; returns the length. */
static size_t quote_byte(char piece[4], uint8_t c)
{
    static const char plain[] = "\t\n\r\"\\", letter[] = "tnr\"\\";
    static const char digit[] = "0123456789abcdef";
    const char *at = memchr(plain, c, sizeof plain - 1);

    if (!at && c >= ' ' && c <= '~') {
        piece[0] = (char)c;
        return 1;
    }
    piece[0] = '\\';
    piece[1] = at ? letter[at - plain] : 'x';
    piece[2] = digit[c >> 4];
    piece[3] = digit[c & 15];
    return at ? 2 : 4;
}

size_t text_quote(char *buffer, size_t size, const void *text, size_t len)
{
    const uint8_t *from = text;
    size_t total = 0, end = 0;

    for (size_t i = 0; i < len; i++) {
        char piece[4];
        size_t n = quote_byte(piece, from[i]);

        if (end == total && total + n < size) {
            memcpy(buffer + end, piece, n);
            end += n;
        }
        total += n;
    }
    if (size > 0)
        buffer[end] = '\0';
    return total;
}
