/* SPDX-License-Identifier: ISC */
/*
 * printf without a C library.
 *
 * A directive is read into a struct, its digits are made at the end of a
 * small buffer, and one function pads them. A double is turned into all of
 * its decimal digits (it has at most 1,074 behind the point), which are then
 * rounded half to even where the directive wants: exact, if not fast.
 */
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
        put(out, run, (size_t)count < sizeof run ? (size_t)count : sizeof run);
}

/*
 * The one place that pads: prefix (a sign, 0x), zeros, then the text itself.
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
    put_padded(out, d, prefix, zeros > 0 ? zeros : 0, at, len);
}

/* Every decimal digit of a double: 0.d1d2d3... times ten to the point. */
struct decimal {
    char digit[1100]; /* values 0 to 9, the first not 0 unless all is */
    int count, point;
};

/* Multiplies the limbs (least first) by ten and returns the overflow. */
static uint32_t multiply_by_ten(uint32_t *limb, int limbs)
{
    uint64_t c = 0;

    for (int i = 0; i < limbs; i++) {
        c += (uint64_t)limb[i] * 10;
        limb[i] = (uint32_t)c;
        c >>= 32;
    }
    return (uint32_t)c;
}

/* Divides the limbs by ten and returns the remainder. */
static unsigned divide_by_ten(uint32_t *limb, int limbs)
{
    uint64_t rest = 0;

    for (int i = limbs - 1; i >= 0; i--) {
        rest = rest << 32 | limb[i];
        limb[i] = (uint32_t)(rest / 10);
        rest %= 10;
    }
    return (unsigned)rest;
}

static bool all_zero(const uint32_t *limb, int limbs)
{
    for (int i = 0; i < limbs; i++)
        if (limb[i])
            return false;
    return true;
}

/* The digits of mantissa times two to the exponent, a whole number. */
static void whole_digits(struct decimal *out, uint64_t mantissa, int exponent)
{
    uint32_t limb[34] = {0};
    char backwards[312];
    int n = 0, at = exponent / 32, shift = exponent % 32;

    limb[at] = (uint32_t)(mantissa << shift);
    limb[at + 1] = (uint32_t)(mantissa >> (32 - shift));
    limb[at + 2] = shift ? (uint32_t)(mantissa >> (64 - shift)) : 0;
    while (!all_zero(limb, 34))
        backwards[n++] = (char)divide_by_ten(limb, 34);
    out->point = n;
    while (n > 0)
        out->digit[out->count++] = backwards[--n];
}

/* The digits of mantissa (below 2^53) divided by two to the places. */
static void fraction_digits(struct decimal *out, uint64_t mantissa, int places)
{
    /* A binary fraction: the point stands above the top limb. */
    uint32_t limb[36] = {0};
    int limbs = (places + 31) / 32;
    int up = limbs * 32 - places; /* bits to the left, to fill limbs */

    limb[0] = (uint32_t)(mantissa << up);
    limb[1] = (uint32_t)(mantissa >> (32 - up));
    limb[2] = up ? (uint32_t)(mantissa >> (64 - up)) : 0;
    while (!all_zero(limb, limbs)) {
        char digit = (char)multiply_by_ten(limb, limbs);

        if (out->count == 0 && digit == 0)
            out->point--; /* leading zeros are not kept */
        else
            out->digit[out->count++] = digit;
    }
}

/* The digits of mantissa divided by two to the places, whole part first. */
static void mixed_digits(struct decimal *out, uint64_t mantissa, int places)
{
    if (places < 64 && mantissa >> places) {
        whole_digits(out, mantissa >> places, 0);
        mantissa &= ((uint64_t)1 << places) - 1;
    }
    fraction_digits(out, mantissa, places);
}

static void to_decimal(struct decimal *out, uint64_t bits)
{
    uint64_t mantissa = bits & 0xfffffffffffffu;
    int exponent = (int)(bits >> 52 & 0x7ff);

    out->count = out->point = 0;
    if (exponent > 0)
        mantissa |= (uint64_t)1 << 52;
    else
        exponent = 1;
    exponent -= 1075; /* value = mantissa * 2^exponent */
    if (exponent >= 0)
        whole_digits(out, mantissa, exponent);
    else
        mixed_digits(out, mantissa, -exponent);
    /* A last digit that is not zero tells round_to what a half is. */
    while (out->count > 0 && out->digit[out->count - 1] == 0)
        out->count--;
}

/* Keeps the first keep digits, rounded half to even. */
static void round_to(struct decimal *d, int keep)
{
    bool up, half;

    if (keep >= d->count)
        return;
    if (keep < 0) {
        d->count = 0;
        return;
    }
    half = d->digit[keep] == 5 && keep + 1 == d->count;
    up = half ? keep > 0 && d->digit[keep - 1] % 2 : d->digit[keep] >= 5;
    d->count = keep;
    if (!up)
        return;
    while (keep > 0 && d->digit[keep - 1] == 9)
        d->digit[--keep] = 0;
    if (keep > 0) {
        d->digit[keep - 1]++;
        return;
    }
    memmove(d->digit + 1, d->digit, (size_t)d->count);
    d->digit[0] = 1;
    d->count++;
    d->point++;
}

static char digit_at(const struct decimal *d, int i)
{
    return (char)('0' + (i >= 0 && i < d->count ? d->digit[i] : 0));
}

/* Trailing zeros do not count for %g, unless '#' asks for them. */
static int significant(const struct decimal *d, int most)
{
    int n = d->count < most ? d->count : most;

    while (n > 0 && d->digit[n - 1] == 0)
        n--;
    return n;
}

/* Writes ddd.ddd with places digits behind the point; returns the length. */
static size_t write_fixed(const struct directive *d, const struct decimal *dec,
                          int places, char *text)
{
    char *at = text;

    for (int i = dec->point > 0 ? 0 : dec->point - 1; i < dec->point; i++)
        *at++ = digit_at(dec, i);
    if (places > 0 || d->alternate)
        *at++ = '.';
    for (int i = 0; i < places; i++)
        *at++ = digit_at(dec, dec->point + i);
    return (size_t)(at - text);
}

/* Writes d.ddde+dd. */
static size_t write_exponent(const struct directive *d,
                             const struct decimal *dec, int places, char *text)
{
    char *at = text;
    int exponent = dec->count ? dec->point - 1 : 0;

    *at++ = digit_at(dec, 0);
    if (places > 0 || d->alternate)
        *at++ = '.';
    for (int i = 1; i <= places; i++)
        *at++ = digit_at(dec, i);
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

/* %g: the shorter of the two, with digits significant digits. */
static size_t write_general(const struct directive *d, struct decimal *dec,
                            int digits, char *text)
{
    int exponent, shown;

    round_to(dec, digits);
    exponent = dec->count ? dec->point - 1 : 0;
    shown = d->alternate ? digits : significant(dec, digits);
    if (exponent < -4 || exponent >= digits)
        return write_exponent(d, dec, shown > 0 ? shown - 1 : 0, text);
    return write_fixed(d, dec, shown > exponent + 1 ? shown - exponent - 1 : 0,
                       text);
}

/* The digits that are asked for beyond those that a double can have. */
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
    if (p > MOST_PLACES)
        p = MOST_PLACES;
    to_decimal(&dec, bits & ~((uint64_t)1 << 63));
    if (kind == 'f') {
        round_to(&dec, dec.point + p);
        len = write_fixed(d, &dec, p, text);
    } else if (kind == 'e') {
        round_to(&dec, p + 1);
        len = write_exponent(d, &dec, p, text);
    } else {
        len = write_general(d, &dec, p ? p : 1, text);
    }
    put_padded(out, d, sign, 0, text, len);
}

static int number(const char **fmt)
{
    int n = 0;

    while (**fmt >= '0' && **fmt <= '9') {
        int digit = *(*fmt)++ - '0';

        n = n > 100000 ? n : n * 10 + digit;
    }
    return n;
}

static bool read_flag(struct directive *d, char c)
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

/* The arguments travel in a struct, so that helpers can take from them. */
struct arguments {
    va_list list;
};

static struct directive read_directive(const char **fmt,
                                       struct arguments *args)
{
    struct directive d = {.precision = -1};

    while (read_flag(&d, **fmt))
        (*fmt)++;
    if (**fmt == '*') {
        (*fmt)++;
        d.width = va_arg(args->list, int);
        if (d.width < 0) {
            d.left = true;
            d.width = -d.width;
        }
    } else {
        d.width = number(fmt);
    }
    if (**fmt == '.') {
        (*fmt)++;
        if (**fmt == '*') {
            (*fmt)++;
            d.precision = va_arg(args->list, int);
        } else {
            d.precision = number(fmt);
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

static int64_t take_signed(char length, struct arguments *args)
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

static uint64_t take_unsigned(char length, struct arguments *args)
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

/* False: not a conversion of ours. */
static bool put_directive(struct output *out, struct directive *d,
                          struct arguments *args)
{
    const char *prefix;
    uint64_t value;
    char c;

    switch (d->conversion) {
    case 'd':
    case 'i':
        put_signed(out, d, take_signed(d->length, args));
        return true;
    case 'u':
    case 'o':
        value = take_unsigned(d->length, args);
        put_integer(out, d, value, d->conversion == 'o' ? 8 : 10, "");
        return true;
    case 'x':
    case 'X':
        value = take_unsigned(d->length, args);
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
        d = read_directive(&after, &args);
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

        memcpy(b->buffer + b->len, text, len < room ? len : room);
    }
    b->len += len;
}

size_t text_vformat(char *buffer, size_t size, const char *fmt, va_list args)
{
    struct bounded b = {buffer, size, 0};

    text_vprint(put_bounded, &b, fmt, args);
    if (size > 0)
        buffer[b.len < size ? b.len : size - 1] = '\0';
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

/* The escape of c, or c itself, in piece; its length. */
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
