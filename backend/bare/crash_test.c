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

#define LAST(c) (0x80 | (c))
#define TEN     'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x'
#define HUNDRED TEN, TEN, TEN, TEN, TEN, TEN, TEN, TEN, TEN, TEN

const char image_text[1];

const struct symbols image_symbols = {
    .count = 8,
    .text_end = 0x1200,
    .pairs = {{'s', 't'}, [1] = {'e', 'r'}, [15] = {'a', 't'}},
    .functions = {
        0x80, 0x20, 'p', 'u', LAST('t'), /* 0x1000 */
        16, 3, '_', 'a', 'l', LAST('l'), /* 0x1010 put_all */
        1, LAST('f'), /* 0x1011 */
        0x7f, HUNDRED, HUNDRED, HUNDRED, /* 0x1090 */
        LAST('x'),
        0x80, 0x01, 15, LAST('y'), /* 0x1110 */
        16, 'g', LAST('o'), /* 0x1120 */
        16, 16, 31, 'e', LAST(17), /* 0x1130 stateer */
        16, 5, '_', LAST(16), /* 0x1140 state_st */
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

TEST(a_pair_of_characters_can_be_anywhere_in_a_name)
{
    CHECK_TEXT(found(0x1130, 0x1130), "stateer");
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
