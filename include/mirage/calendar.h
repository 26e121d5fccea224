/* SPDX-License-Identifier: ISC */
/*
 * calendar: civil dates and times in UTC, and seconds since 1970-01-01
 * 00:00:00 UTC as POSIX counts them: each day has 86,400, leap seconds are not
 * counted. The calendar is the Gregorian one, also before 1582. For the
 * library's own sources: mirage.h does not include it.
 */
#ifndef MIRAGE_CALENDAR_H
#define MIRAGE_CALENDAR_H

#include <stdint.h>

/* From 0001-01-01 00:00:00 to 9999-12-31 23:59:59. */
#define CALENDAR_FIRST (-INT64_C(62135596800))
#define CALENDAR_LAST  INT64_C(253402300799)

struct civil_time {
    uint16_t year; /* 1 to 9999 */
    uint8_t month; /* 1 to 12 */
    uint8_t day; /* 1 to 31 */
    uint8_t hour, minute, second;
    uint8_t weekday; /* 0: Sunday */
};

/*
 * Converts a date and time to seconds; weekday is not read. A day, hour, minute
 * or second above what the month, day, hour or minute has carries over, as in
 * timegm: February 30 is March 1 or 2. A year or month outside its range gives
 * a meaningless number, and is no error.
 */
int64_t calendar_seconds(const struct civil_time *t);

/* Converts seconds to a date and time. Those outside CALENDAR_FIRST to
 * CALENDAR_LAST give the nearer of these two. */
struct civil_time calendar_civil(int64_t seconds);

#endif
