/* SPDX-License-Identifier: ISC */
/*
 * A date has 7 bits for the years since 1980, 4 for the month and 5 for the
 * day; a time 5 for the hour, 6 for the minute and 5 for two seconds. Both are
 * UTC here.
 */
#include "fat_entry.h"
#include <mirage/calendar.h>
#include <mirage/macros.h>

#define TO_1980   (315532800 * SECOND) /* since 1970 */
#define LAST_YEAR 2107
#define NO_DATE   0x0021 /* 1980-01-01, at 0:00: the time is unknown */

nanoseconds fat_entry_time(const uint8_t *slot)
{
    uint32_t date = fat_get16(slot + DIR_WRT_DATE),
             time = fat_get16(slot + DIR_WRT_TIME);
    struct civil_time t = {
        .year = (uint16_t)(1980 + (date >> 9)),
        .month = date >> 5 & 15,
        .day = date & 31,
        .hour = (uint8_t)(time >> 11),
        .minute = time >> 5 & 63,
        .second = (uint8_t)((time & 31) * 2),
    };

    if (t.month < 1 || t.month > 12 || t.day < 1 ||
        (date == NO_DATE && time == 0))
        return 0;
    return (nanoseconds)calendar_seconds(&t) * SECOND;
}

void fat_entry_set_time(const struct fat *f, uint8_t *slot, bool is_new)
{
    nanoseconds now = f->fixed_time ? f->fixed_time : time_wall();
    struct civil_time t = calendar_civil((int64_t)(max(now, TO_1980) / SECOND));
    uint32_t date, time;

    if (t.year > LAST_YEAR) {
        t.year = LAST_YEAR;
        t.month = 12;
        t.day = 31;
    }
    date = (t.year - 1980u) << 9 | (uint32_t)t.month << 5 | t.day;
    time = (uint32_t)t.hour << 11 | (uint32_t)t.minute << 5 | t.second / 2;
    fat_put16(slot + DIR_WRT_TIME, time);
    fat_put16(slot + DIR_WRT_DATE, date);
    fat_put16(slot + DIR_LST_ACC_DATE, date);
    if (is_new) {
        slot[DIR_CRT_TIME_TENTH] = (uint8_t)(t.second % 2 * 100);
        fat_put16(slot + DIR_CRT_TIME, time);
        fat_put16(slot + DIR_CRT_DATE, date);
    }
}
