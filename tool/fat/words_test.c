/* SPDX-License-Identifier: ISC */
/* Values of options of the fat command. */
#include "say.c"
#include "host.h"
#include "words.c"

static bool is_size(const char *text)
{
    return ENDED(size_of_text(text)).status == 0;
}

TEST(sizes_are_bytes_or_have_a_unit)
{
    struct ended e;

    CHECK(size_of_text("0") == 0);
    CHECK(size_of_text("1440K") == 1440 * 1024);
    CHECK(size_of_text("3M") == 3 << 20);
    CHECK(size_of_text("2G") == (uint64_t)2 << 30);
    CHECK(size_of_text("9223372036854775807") == INT64_MAX);
    CHECK(size_of_text("8589934591G") == (uint64_t)8589934591 << 30);
    CHECK(!is_size("8589934592G") && !is_size("9223372036854775808"));
    CHECK(!is_size("99999999999999999999") && !is_size("-1"));
    CHECK(!is_size("") && !is_size("K") && !is_size("1KB"));
    CHECK(!is_size("1k") && !is_size("1 K") && !is_size("1T"));
    e = ENDED(size_of_text("x"));
    CHECK(e.status == MISUSED);
    CHECK_TEXT(e.err, "fat: x is no size; a size is such as 1440K or 64M\n"
                      "`fat --help` tells what there is.\n");
}

TEST(types_are_three)
{
    CHECK(type_of_text("12") == 12 && type_of_text("32") == 32);
    CHECK(type_of_text("16") == 16);
    CHECK(ENDED(type_of_text("8")).status == MISUSED);
    CHECK(ENDED(type_of_text("160")).status == MISUSED);
}

TEST(clusters_are_powers_of_two)
{
    CHECK(cluster_of_text("512") == 512 && cluster_of_text("64K") == 65536);
    CHECK(ENDED(cluster_of_text("256")).status == MISUSED);
    CHECK(ENDED(cluster_of_text("128K")).status == MISUSED);
    CHECK(ENDED(cluster_of_text("1536")).status == MISUSED);
    CHECK(number_of_text("4294967295") == UINT32_MAX);
    CHECK(ENDED(number_of_text("4294967296")).status == MISUSED);
}

static bool is_date(const char *text)
{
    return ENDED(date_of_text(text)).status == 0;
}

TEST(dates_are_days_of_fat_or_seconds)
{
    CHECK(date_of_text("1980-01-01") == 315532800 * SECOND);
    CHECK(date_of_text("2107-12-31") == (nanoseconds)4354732800 * SECOND);
    CHECK(date_of_text("@1700000000") == 1700000000 * SECOND);
    CHECK(date_of_text("@0") == 1); /* 0 is each file's own */
    CHECK(is_date("@9223372036") && !is_date("@9223372037"));
    CHECK(!is_date("@") && !is_date("@1x") && !is_date("@-1"));
    CHECK(!is_date("1979-12-31") && !is_date("2108-01-01"));
    CHECK(!is_date("2024-00-01") && !is_date("2024-13-01"));
    CHECK(!is_date("2024-01-00") && !is_date("2024-01-32"));
    CHECK(!is_date("2024-01-01x") && !is_date("2024-01") && !is_date(""));
}

TEST(arrays_have_room_for_one_more)
{
    uint32_t *array = NULL;

    for (uint32_t i = 0; i < 100; i++) {
        array = room_for(array, i, sizeof *array);
        array[i] = i;
    }
    CHECK(array[0] == 0 && array[99] == 99);
    free(array);
    CHECK(ENDED(room_for(NULL, 0, SIZE_MAX)).status == 1);
    CHECK_TEXT(ENDED(room_for(NULL, (size_t)1 << 62, 4)).err,
               "fat: out of memory\n");
}

static void last(void)
{
    printf("last ");
}

TEST(the_end_is_announced_once)
{
    struct ended e = ENDED({
        at_death(last);
        die("no %s", "way");
    });

    CHECK(e.status == 1);
    CHECK_TEXT(e.out, "last ");
    CHECK_TEXT(e.err, "fat: no way\n");
    e = ENDED({
        at_death(last);
        misused("%s?", "what");
    });
    CHECK_TEXT(e.out, "last ");
}
