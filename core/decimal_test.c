/* SPDX-License-Identifier: ISC */
/* Tests of the decimal digits of doubles; text_test compares with glibc. */
#include "decimal.c"
#include "check.h"

static void check_digits(const struct decimal *d, const char *digits, int point)
{
    CHECK((size_t)d->count == strlen(digits) && d->point == point);
    for (int i = 0; digits[i]; i++)
        CHECK(decimal_digit(d, i) == digits[i]);
}

TEST(a_double_has_its_exact_decimal_digits)
{
    struct decimal d;

    decimal_of(&d, 0);
    CHECK(d.count == 0);
    decimal_of(&d, -1234.5);
    check_digits(&d, "12345", 4);
    decimal_of(&d, 1e22);
    check_digits(&d, "1", 23);
    decimal_of(&d, 0.1);
    check_digits(&d,
                 "1000000000000000055511151231257827021181583404541015625", 0);
    decimal_of(&d, 1.0 / 1024);
    check_digits(&d, "9765625", -3);
}

TEST(digits_outside_of_the_number_are_zero)
{
    struct decimal d;

    decimal_of(&d, 7);
    CHECK(decimal_digit(&d, -1) == '0' && decimal_digit(&d, 1) == '0');
}

TEST(rounding_is_half_to_even)
{
    struct decimal d;

    decimal_of(&d, 2.5);
    decimal_round(&d, 1);
    check_digits(&d, "2", 1);
    decimal_of(&d, 3.5);
    decimal_round(&d, 1);
    check_digits(&d, "4", 1);
    decimal_of(&d, 2.5000000001);
    decimal_round(&d, 1);
    check_digits(&d, "3", 1);
    decimal_of(&d, 0.5);
    decimal_round(&d, 0);
    CHECK(d.count == 0);
}

TEST(rounding_carries_into_a_new_digit)
{
    struct decimal d;

    decimal_of(&d, 99.75);
    decimal_round(&d, 3);
    check_digits(&d, "998", 2);
    decimal_of(&d, 99.9375);
    decimal_round(&d, 2);
    CHECK(d.point == 3 && decimal_digit(&d, 0) == '1');
    CHECK(decimal_digit(&d, 1) == '0' && decimal_digit(&d, 2) == '0');
}

TEST(rounding_to_more_digits_than_there_are_changes_nothing)
{
    struct decimal d;

    decimal_of(&d, 1.25);
    decimal_round(&d, 3);
    check_digits(&d, "125", 1);
    decimal_round(&d, -1);
    CHECK(d.count == 0);
}
