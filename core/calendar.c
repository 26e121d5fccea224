/* SPDX-License-Identifier: ISC */
/*
 * Conversion between civil time and seconds since 1970. Years are counted from
 * March 1, so that the leap day is the last day of a year and the lengths of
 * the months repeat every five: 153 days. The calendar repeats every 400 years.
 */
#include <mirage/calendar.h>
#include <mirage/macros.h>
#include <stdbool.h>

#define DAY          86400
#define DAYS_OF_400Y 146097
#define DAYS_TO_1970 719468 /* from 0000-03-01 */

/* Days from March 1 to the first day of a month, March being month 0. */
static uint32_t days_to_month(uint32_t month)
{
    return (153 * month + 2) / 5;
}

int64_t calendar_seconds(const struct civil_time *t)
{
    bool is_before_march = t->month <= 2;
    int64_t year = t->year - is_before_march;
    int64_t days = year * 365 + year / 4 - year / 100 + year / 400 +
                   days_to_month(t->month + (is_before_march ? 9u : -3u)) +
                   t->day - 1;

    return (days - DAYS_TO_1970) * DAY + t->hour * 3600 + t->minute * 60 +
           t->second;
}

struct civil_time calendar_civil(int64_t seconds)
{
    int64_t first = clamp(seconds, CALENDAR_FIRST, CALENDAR_LAST) +
                    (int64_t)DAYS_TO_1970 * DAY; /* from 0000-03-01, so > 0 */
    uint32_t days = (uint32_t)(first / DAY), second = (uint32_t)(first % DAY);
    uint32_t of_400y = days % DAYS_OF_400Y;
    /* Without the leap days before it, each year has 365. */
    uint32_t year = (of_400y - of_400y / 1460 + of_400y / 36524 -
                     of_400y / (DAYS_OF_400Y - 1)) /
                    365;
    uint32_t of_year = of_400y - (year * 365 + year / 4 - year / 100);
    uint32_t month = (5 * of_year + 2) / 153;

    year += days / DAYS_OF_400Y * 400 + (month >= 10);
    return (struct civil_time){
        .year = (uint16_t)year,
        .month = (uint8_t)(month < 10 ? month + 3 : month - 9),
        .day = (uint8_t)(of_year - days_to_month(month) + 1),
        .hour = (uint8_t)(second / 3600),
        .minute = (uint8_t)(second / 60 % 60),
        .second = (uint8_t)(second % 60),
        .weekday = (uint8_t)((days + 3) % 7), /* 0000-03-01: a Wednesday */
    };
}
