/* SPDX-License-Identifier: ISC */
/* The fields of a directory entry. */
#include "fat_entry.h"
#include <mirage/calendar.h>
#include <mirage/macros.h>

#define YEARS     (315532800 * SECOND) /* from 1970 to 1980 */
#define LAST_YEAR 2107
#define NO_DATE   0x0021 /* 1980-01-01: no time is known */

uint32_t fat_first_cluster(const struct fat *f, const uint8_t *slot)
{
    return fat_get16(slot + 26) |
           (f->l.type == FAT32 ? fat_get16(slot + 20) << 16 : 0);
}

void fat_put_first_cluster(uint8_t *slot, uint32_t cluster)
{
    fat_put16(slot + 26, cluster);
    fat_put16(slot + 20, cluster >> 16);
}

/* 0: unknown. */
nanoseconds fat_entry_time(const uint8_t *slot)
{
    uint32_t date = fat_get16(slot + 24), time = fat_get16(slot + 22);
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
    struct civil_time t = calendar_civil((int64_t)(max(now, YEARS) / SECOND));
    uint32_t date, time;

    if (t.year > LAST_YEAR) {
        t.year = LAST_YEAR;
        t.month = 12;
        t.day = 31;
    }
    date = (t.year - 1980u) << 9 | (uint32_t)t.month << 5 | t.day;
    time = (uint32_t)t.hour << 11 | (uint32_t)t.minute << 5 | t.second / 2;
    fat_put16(slot + 22, time);
    fat_put16(slot + 24, date);
    fat_put16(slot + 18, date);
    if (is_new) {
        slot[13] = (uint8_t)(t.second % 2 * 100);
        fat_put16(slot + 14, time);
        fat_put16(slot + 16, date);
    }
}
