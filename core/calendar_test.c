/* SPDX-License-Identifier: ISC */
/* calendar against the C library's gmtime and timegm. */
#include "calendar.c"
#include "check.h"
#include <time.h>

/* newlib has no timegm, and QEMU without KVM is slow. */
#ifdef __GLIBC__
#define EVERY 1 /* day that is compared */
static int64_t seconds_of(struct tm tm)
{
    return timegm(&tm);
}
#else
#define EVERY 61
static int64_t seconds_of(struct tm tm)
{
    return calendar_seconds(&(struct civil_time){
        (uint16_t)(tm.tm_year + 1900), (uint8_t)(tm.tm_mon + 1),
        (uint8_t)tm.tm_mday, (uint8_t)tm.tm_hour, (uint8_t)tm.tm_min,
        (uint8_t)tm.tm_sec, 0});
}
#endif

static bool is_as_gmtime_has_it(int64_t seconds)
{
    time_t time = (time_t)seconds;
    struct civil_time c = calendar_civil(seconds);
    struct tm tm;

    return gmtime_r(&time, &tm) && c.year == tm.tm_year + 1900 &&
           c.month == tm.tm_mon + 1 && c.day == tm.tm_mday &&
           c.hour == tm.tm_hour && c.minute == tm.tm_min &&
           c.second == tm.tm_sec && c.weekday == tm.tm_wday &&
           seconds_of(tm) == seconds && calendar_seconds(&c) == seconds;
}

TEST(every_day_of_years_1_to_9999_is_as_gmtime_and_timegm_have_it)
{
    int64_t wrong = 0, day = 0;

    /* Each at another time of day. */
    for (; CALENDAR_FIRST + day * 86400 < CALENDAR_LAST; day += EVERY)
        wrong += !is_as_gmtime_has_it(CALENDAR_FIRST + day * 86400 +
                                      day * 997 % 86400);
    CHECK(day >= 3652059 && wrong == 0);
}

TEST(every_second_around_the_ends_of_days_and_years_is_as_gmtime_has_it)
{
    static const int64_t ends[] = {
        CALENDAR_FIRST + 100, -1, 0, 68169600, 951782400, 951868800, 4107542400,
        CALENDAR_LAST - 100};
    int wrong = 0;

    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        for (int64_t s = ends[i] - 100; s <= ends[i] + 100; s++)
            wrong += !is_as_gmtime_has_it(s);
    CHECK(wrong == 0);
}

TEST(known_dates_have_their_seconds)
{
    static const struct {
        struct civil_time civil;
        int64_t seconds;
    } known[] = {
        {{1970, 1, 1, 0, 0, 0, 4}, 0},
        {{1994, 11, 6, 8, 49, 37, 0}, 784111777}, /* RFC 9110, 5.6.7 */
        {{2000, 2, 29, 0, 0, 0, 2}, 951782400},
        {{1, 1, 1, 0, 0, 0, 1}, CALENDAR_FIRST},
        {{9999, 12, 31, 23, 59, 59, 5}, CALENDAR_LAST},
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        struct civil_time c = calendar_civil(known[i].seconds);

        CHECK(calendar_seconds(&known[i].civil) == known[i].seconds);
        CHECK(memcmp(&c, &known[i].civil, sizeof c) == 0);
    }
}

TEST(days_and_times_above_their_ranges_carry_over)
{
    CHECK(calendar_seconds(&(struct civil_time){2023, 2, 30, 0, 0, 0, 0}) ==
          calendar_seconds(&(struct civil_time){2023, 3, 2, 0, 0, 0, 0}));
    CHECK(calendar_seconds(&(struct civil_time){2100, 12, 31, 31, 63, 62, 0}) ==
          calendar_seconds(&(struct civil_time){2101, 1, 1, 8, 4, 2, 0}));
}

TEST(seconds_outside_years_1_to_9999_give_the_nearer_end)
{
    CHECK(calendar_seconds(&(struct civil_time){1, 1, 1, 0, 0, 0, 0}) ==
          CALENDAR_FIRST);
    CHECK(calendar_civil(CALENDAR_FIRST - 1).year == 1);
    CHECK(calendar_civil(INT64_MIN).day == 1);
    CHECK(calendar_civil(CALENDAR_LAST + 1).year == 9999);
    CHECK(calendar_civil(INT64_MAX).second == 59);
}
