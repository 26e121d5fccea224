/* SPDX-License-Identifier: ISC */
/* Looking up names in a table like those of backend/bare/symbols. */
#include <mirage/platform.h>
/* These names are the host's own, too. */
#define platform_crash   tested_crash
#define platform_smashed tested_smashed
void platform_crash(uintptr_t frame) __attribute__((noreturn));
void platform_smashed(uintptr_t at) __attribute__((noreturn));
#include "crash.c"
#undef platform_crash
#undef platform_smashed
#include "check.h"
#include <stdlib.h>

/* Codes, in the order of the table. */
enum { END = 16,
       A,
       E,
       F,
       G,
       L,
       O,
       P,
       S,
       T,
       U,
       X,
       Y,
       UNDER,
       ST,
       AT,
       STAT,
       E_END,
       ST_END,
       AFTER };

#define TEN     X, X, X, X, X, X, X, X, X, X
#define HUNDRED TEN, TEN, TEN, TEN, TEN, TEN, TEN, TEN, TEN, TEN

const char image_text[1];

const struct symbols image_symbols = {
    .count = 8,
    .text_end = 0x1200,
    .codes = AFTER - END,
    .bytes = {
        0, 0, /* END */
        'a', 0, 'e', 0, 'f', 0, 'g', 0, 'l', 0, 'o', 0, 'p', 0, 's', 0,
        't', 0, 'u', 0, 'x', 0, 'y', 0, '_', 0,
        S, T, /* ST */
        A, T, /* AT */
        ST, AT, /* STAT */
        E, END, /* E_END */
        ST, END, /* ST_END */

        0x80, 0x20, P, U, T, END, /* 0x1000 put */
        0x10, 3, UNDER, A, L, L, END, /* 0x1010 put_all */
        1, F, END, /* 0x1011 f */
        0x7f, HUNDRED, HUNDRED, HUNDRED, X, END, /* 0x1090 */
        0x80, 0x01, 15, Y, END, /* 0x1110 */
        16, G, O, END, /* 0x1120 go */
        16, STAT, E_END, /* 0x1130 state */
        16, 5, UNDER, ST_END, /* 0x1140 state_st */
    },
};

void bare_leave(int code)
{
    exit(code);
}

static const char *found(uintptr_t at, uintptr_t begin)
{
    uintptr_t from;
    const char *name = bare_function_name(at, &from);

    CHECK(!name || from == begin);
    return name ? name : "none";
}

TEST(an_address_belongs_to_the_last_function_that_starts_before_it)
{
    CHECK_TEXT(found(0x1000, 0x1000), "put");
    CHECK_TEXT(found(0x100f, 0x1000), "put");
    CHECK_TEXT(found(0x1010, 0x1010), "put_all");
    CHECK_TEXT(found(0x1011, 0x1011), "f");
    CHECK_TEXT(found(0x108f, 0x1011), "f");
    CHECK_TEXT(found(0x112f, 0x1120), "go");
    CHECK_TEXT(found(0x11ff, 0x1140), "state_st");
}

TEST(a_code_stands_for_several_characters_and_the_end_of_a_name)
{
    CHECK_TEXT(found(0x1130, 0x1130), "state");
    CHECK_TEXT(found(0x1140, 0x1140), "state_st");
}

TEST(an_address_outside_of_the_code_has_no_function)
{
    CHECK_TEXT(found(0, 0), "none");
    CHECK_TEXT(found(0xfff, 0), "none");
    CHECK_TEXT(found(0x1200, 0), "none");
    CHECK_TEXT(found(UINTPTR_MAX, 0), "none");
}

TEST(a_name_that_is_too_long_is_truncated)
{
    const char *name = found(0x1090, 0x1090);

    CHECK(strlen(name) == NAME_SIZE - 1);
    CHECK(strspn(name, "x") == NAME_SIZE - 1);
}

TEST(a_name_can_share_a_prefix_with_a_truncated_one)
{
    CHECK_TEXT(found(0x1110, 0x1110), "xxxxxxxxxxxxxxxy");
}
