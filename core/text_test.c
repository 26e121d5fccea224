/* SPDX-License-Identifier: ISC */
/* Tests of text_format, compared with the C library, and of text_quote. */
#include "text.c"
#include "check.h"
#include <float.h>
#include <math.h>
#include <mirage/random.h>
#include <stdlib.h>

static char ours[4096], theirs[4096];

/* Compares text and length with those of the C library. */
#define SAME(...)                                                      \
    do {                                                               \
        size_t n = text_format(ours, sizeof ours, __VA_ARGS__);        \
        CHECK((int)n == snprintf(theirs, sizeof theirs, __VA_ARGS__)); \
        CHECK_TEXT(ours, theirs);                                      \
    } while (0)

TEST(integers_are_printed_as_by_the_c_library)
{
    static const long long values[] = {0, 1, -1, 7, 42, -12345, INT64_MAX,
                                       INT64_MIN, 0x7fffffff};

    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        long long v = values[i];

        SAME("%lld|%5lld|%-25lld|%025lld|%+lld|% lld", v, v, v, v, v, v);
        SAME("%.0lld|%.3lld|%10.5lld|%-10.5lld", v, v, v, v);
        SAME("%llo|%#llo|%#20llx|%#020llx|%-#20llx|%.12llx", v, v, v, v, v, v);
        SAME("%hhd|%hd|%d|%ld|%jd|%zd|%td", (signed char)v, (short)v, (int)v,
             (long)v, (intmax_t)v, (ssize_t)v, (ptrdiff_t)v);
        SAME("%hhu|%hu|%u|%lu|%ju|%zu", (unsigned char)v, (unsigned short)v,
             (unsigned)v, (unsigned long)v, (uintmax_t)v, (size_t)v);
    }
}

TEST(strings_are_padded_and_truncated_as_by_the_c_library)
{
    SAME("%s|%10s|%-10s|%.2s|%10.2s|%-10.2s|%.0s", "abc", "abc", "abc", "abc",
         "abc", "abc", "abc");
    SAME("%c|%5c|%-5c|%%|100%%", 'x', 'y', 'z');
    SAME("%*d|%-*d|%.*d|%*.*s", 7, 5, 7, 5, 3, 5, 6, 2, "hello");
    SAME("%*d", -7, 5);
    SAME("%.*s", -1, "all of it");
    SAME("plain");
    SAME("%p", (void *)0x1234);
}

TEST(a_truncated_text_ends_with_a_nul_and_its_whole_length_is_returned)
{
    char small[4] = "xyz";

    CHECK(text_format(small, sizeof small, "%d", 123456) == 6);
    CHECK_TEXT(small, "123");
    CHECK(text_format(small, 0, "%d", 77) == 2);
    CHECK_TEXT(small, "123");
    CHECK(text_format(small, 1, "x") == 1);
    CHECK_TEXT(small, "");
}

/* Without the attribute format, so that the compiler does not warn. */
static size_t format_unchecked(const char *fmt, ...)
{
    va_list args;
    size_t n;

    va_start(args, fmt);
    n = text_vformat(ours, sizeof ours, fmt, args);
    va_end(args);
    return n;
}

TEST(an_unknown_directive_is_printed_as_it_is)
{
    format_unchecked("%y %5.3n %");
    CHECK_TEXT(ours, "%y %5.3n %");
    format_unchecked("%s", (char *)NULL);
    CHECK_TEXT(ours, "(null)");
}

/* As an int each, which the compiler would not let pass. */
TEST(the_length_of_an_integer_is_that_of_its_directive)
{
    format_unchecked("%hhd %hhu %hhx %hd %hu %hx", 300, 300, 511, 70000, 70000,
                     0x12345);
    CHECK_TEXT(ours, "44 44 ff 4464 4464 2345");
    format_unchecked("%hhd %hd %d", 0x80, 0x8000, -1);
    CHECK_TEXT(ours, "-128 -32768 -1");
    format_unchecked("%u %x %lx %zx %jx %llx", -1, -1, -1L, (size_t)-1,
                     (uintmax_t)-1, -1LL);
    CHECK_TEXT(ours, "4294967295 ffffffff ffffffffffffffff "
                     "ffffffffffffffff ffffffffffffffff ffffffffffffffff");
    format_unchecked("%010.5d|%08.3x|%010d", 42, 42, 42);
    CHECK_TEXT(ours, "     00042|     02a|0000000042");
    format_unchecked("%ld %jd %zd %td %lld", -3L, (intmax_t)-4, (size_t)-5,
                     (ptrdiff_t)-6, -7LL);
    CHECK_TEXT(ours, "-3 -4 -5 -6 -7");
}

static void all_formats(double v)
{
    SAME("%f|%.0f|%.1f|%.17f|%#.0f", v, v, v, v, v);
    SAME("%e|%.0e|%.1e|%.20e|%#.0e|%E", v, v, v, v, v, v);
    SAME("%g|%.0g|%.1g|%.3g|%.17g|%G", v, v, v, v, v, v);
    SAME("%30.3f|%-30.3f|%030.3f|%+.2f|% .2f", v, v, v, v, v);
}

TEST(doubles_are_printed_as_by_the_c_library)
{
    static const double values[] = {
        0, -0.0, 1, -1, 0.5, 1.5, 2.5, 0.125, 0.1, 1e15, 1e16, 1e17, 1e-4,
        1e-5, 123456, 1234567, 99999.95, 999999.5, 9.5, 9.9999999, 0.9999995,
        1e100, 2500000, 3500000, 1e22, 1e23, DBL_MAX, DBL_MIN, DBL_EPSILON,
        4.9406564584124654e-324, 2.2250738585072011e-308, 18446744073709551616.,
        9007199254740993., INFINITY, -INFINITY, NAN};

    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        all_formats(values[i]);
    SAME("%.400f", DBL_MIN);
    SAME("%.1074f", 4.9406564584124654e-324);
    SAME("%.760e", DBL_MIN);
}

TEST(the_alternative_form_of_g_keeps_trailing_zeros)
{
    SAME("%#g|%#.3g|%#.1g|%#.0g|%#G", 0.0, 1.5, 100.0, 1e10, 1e-10);
    SAME("%#g|%#.10g", 123456.0, 1234567.0);
    /* C11, 7.21.6.1: five digits after the point; glibc 2.36 prints none. */
    text_format(ours, sizeof ours, "%#g", 999999.5);
    CHECK_TEXT(ours, "1.00000e+06");
}

TEST(random_doubles_are_printed_as_by_the_c_library)
{
    for (int i = 0; i < 2000; i++) {
        uint64_t bits;
        double v;

        random_bytes(&bits, sizeof bits);
        memcpy(&v, &bits, sizeof v);
        all_formats(isnan(v) ? 1 : v);
        all_formats((double)(int64_t)bits / 1000);
    }
}

static const char *quoted(const char *text, size_t len)
{
    CHECK(text_quote(ours, sizeof ours, text, len) == strlen(ours));
    return ours;
}

TEST(quoted_text_has_no_control_characters)
{
    CHECK_TEXT(quoted("plain ~ text", 12), "plain ~ text");
    CHECK_TEXT(quoted("\033[31mred\007", 9), "\\x1b[31mred\\x07");
    CHECK_TEXT(quoted("a\tb\nc\r\"\\", 8), "a\\tb\\nc\\r\\\"\\\\");
    CHECK_TEXT(quoted("\0\177\200\233\377", 5), "\\x00\\x7f\\x80\\x9b\\xff");
    CHECK_TEXT(quoted("", 0), "");
}

TEST(a_quoted_text_is_truncated_before_an_escape_that_does_not_fit)
{
    char small[8];
    size_t whole = text_quote(small, sizeof small, "abcde\033f", 7);

    CHECK(whole == 10);
    CHECK_TEXT(small, "abcde");
    CHECK(text_quote(small, sizeof small, "abc\033", 4) == 7);
    CHECK_TEXT(small, "abc\\x1b");
    CHECK(text_quote(NULL, 0, "\n", 1) == 2);
    CHECK(text_quote(small, 1, "\n", 1) == 2);
    CHECK_TEXT(small, "");
}
