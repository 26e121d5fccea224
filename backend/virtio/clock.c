/* SPDX-License-Identifier: ISC */
/*
 * The clocks of a PC without a hypervisor's own.
 *
 * The processor's counter (TSC) is what we want to read, but nobody says how
 * fast it runs. The i8254's channel 1 counts at a known rate (channel 2 has a
 * gate that not every machine can open), but is slow to read, and wraps every
 * 55 ms. So at first time is the i8254's, the wraps being told apart by the
 * TSC, whose rate is known better with each reading; once the two have run
 * side by side for SETTLED, the TSC alone is read. Nobody waits for that.
 *
 * The alarm is channel 0, counting down once. Wall time is the RTC's.
 */
#include "clock.h"
#include <cpu.h>
#include <mirage/platform.h>

#define PIT_RATE 1193182u /* ticks a second */
#define SETTLED  (2 * PIT_RATE)

static uint64_t    first_tsc, last_tsc, ticks; /* ticks from first to last */
static uint16_t    last_count;
static bool        settled;
static uint64_t    scale; /* nanoseconds a TSC tick, in 2^-32 */
static nanoseconds settled_at, wall_at_start;

/* Channel 1, latched: it counts down. */
static uint16_t read_count(void)
{
    uint16_t low;

    outb(0x43, 0x40);
    low = inb(0x41);
    return (uint16_t)(low | inb(0x41) << 8);
}

static nanoseconds of_ticks(uint64_t t)
{
    return t / PIT_RATE * SECOND + t % PIT_RATE * SECOND / PIT_RATE;
}

static uint64_t scaled(uint64_t tsc)
{
    return (uint64_t)(((unsigned __int128)tsc * scale) >> 32);
}

static void settle(void)
{
    settled_at = of_ticks(ticks);
    scale = (uint64_t)(((unsigned __int128)settled_at << 32) /
                       (last_tsc - first_tsc));
    settled = true;
}

nanoseconds platform_now(void)
{
    uint64_t tsc;
    uint16_t count, passed;

    if (settled)
        return settled_at + scaled(rdtsc() - last_tsc);
    count = read_count();
    tsc = rdtsc();
    passed = (uint16_t)(last_count - count);
    if (ticks > 0) {
        /* As many wraps as fit best with what the TSC has counted. */
        uint64_t expected =
            (uint64_t)((unsigned __int128)(tsc - last_tsc) * ticks /
                       (last_tsc - first_tsc));

        if (expected > passed)
            ticks += (expected - passed + 0x8000) >> 16 << 16;
    }
    ticks += passed;
    last_count = count;
    last_tsc = tsc;
    if (ticks >= SETTLED)
        settle();
    return of_ticks(ticks);
}

static uint8_t rtc(uint8_t index)
{
    outb(0x70, index);
    return inb(0x71);
}

static unsigned from_bcd(uint8_t v, bool binary)
{
    return binary ? v : (unsigned)(v >> 4) * 10 + (v & 15);
}

/* Days since 1970-01-01, after Howard Hinnant's days_from_civil. */
static uint64_t days(unsigned year, unsigned month, unsigned day)
{
    unsigned y = month <= 2 ? year - 1 : year;
    unsigned of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 +
                       day - 1;

    return (uint64_t)(y / 400) * 146097 + (y % 400) * 365 + y % 400 / 4 -
           y % 400 / 100 + of_year - 719468;
}

static nanoseconds read_rtc(void)
{
    uint8_t  second, minute, hour, day, month, year;
    bool     binary = rtc(0x0b) & 4;
    unsigned tries = 0;

    do {
        while (rtc(0x0a) & 0x80 && tries++ < 100000)
            ; /* it is being updated */
        second = rtc(0);
        minute = rtc(2);
        hour = rtc(4);
        day = rtc(7);
        month = rtc(8);
        year = rtc(9);
    } while (second != rtc(0) && tries++ < 100000);
    return (days(2000 + from_bcd(year, binary), from_bcd(month, binary),
                 from_bcd(day, binary)) *
                86400 +
            from_bcd(hour & 0x7f, binary) * 3600u +
            from_bcd(minute, binary) * 60u + from_bcd(second, binary)) *
           SECOND;
}

nanoseconds platform_wall(void)
{
    if (wall_at_start == 0)
        wall_at_start = read_rtc() - platform_now();
    return wall_at_start + platform_now();
}

void clock_wake_at(nanoseconds deadline)
{
    nanoseconds now = platform_now();
    nanoseconds left = deadline > now ? deadline - now : 0;
    uint64_t    count = 0xffff;

    if (left < 50 * MILLISECOND)
        count = left * PIT_RATE / SECOND + 1;
    outb(0x43, 0x30); /* channel 0, both bytes, one shot */
    outb(0x40, (uint8_t)count);
    outb(0x40, (uint8_t)(count >> 8));
}

void clock_start(void)
{
    outb(0x43, 0x74); /* both bytes, again and again */
    outb(0x41, 0);
    outb(0x41, 0);
    last_count = read_count();
    first_tsc = last_tsc = rdtsc();
}
