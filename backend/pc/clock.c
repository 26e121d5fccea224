/* SPDX-License-Identifier: ISC */
/*
 * The clocks of a PC (decision 0011): kvmclock, if there is one; else the TSC,
 * if CPUID has its rate; else the TSC, measured by the i8254. Wall time is
 * KVM's or the real-time clock's (MC146818).
 */
#include "clock.h"
#include "i8254.h"
#include "kvmclock.h"
#include "tsc.h"
#include <arch/cpu.h>
#include <mirage/calendar.h>
#include <mirage/log.h>
#include <mirage/macros.h>
#include <mirage/platform.h>

LOG_SOURCE(clock);

static enum { I8254,
              KVM,
              TSC } source;

static uint64_t first_tsc;
static uint64_t scale; /* nanoseconds a tick, in units of 2^-32 */

/* The real-time clock is read again after this long: it goes on while a monitor
 * has stopped the machine, and with it the TSC. */
#define RTC_AGE SECOND

static nanoseconds wall_at_start, rtc_read; /* when, of the monotonic clock */

static nanoseconds tsc_now(void)
{
    return (uint64_t)((unsigned __int128)(rdtsc() - first_tsc) * scale >> 32);
}

nanoseconds platform_now(void)
{
    switch (source) {
    case KVM: return kvmclock_now();
    case TSC: return tsc_now();
    default: return i8254_now();
    }
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

/* There is none where nothing answers: register D is 0x80. */
static bool has_rtc(void)
{
    return rtc(0x0d) == 0x80;
}

static nanoseconds read_rtc(void)
{
    uint8_t second, minute, hour, day, month, year;
    bool binary = rtc(0x0b) & 4;
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
    return (nanoseconds)calendar_seconds(&(struct civil_time){
               .year = (uint16_t)(2000 + from_bcd(year, binary)),
               .month = (uint8_t)from_bcd(month, binary),
               .day = (uint8_t)from_bcd(day, binary),
               .hour = (uint8_t)from_bcd(hour & 0x7f, binary),
               .minute = (uint8_t)from_bcd(minute, binary),
               .second = (uint8_t)from_bcd(second, binary),
           }) *
           SECOND;
}

/* The wall time may be any in the second that the real-time clock has: it is
 * set only if it is in another one. */
static void follow_rtc(void)
{
    nanoseconds before = platform_now(), rtc, after, wall;

    rtc_read = before;
    if (!has_rtc())
        return;
    rtc = read_rtc();
    after = platform_now();
    wall = wall_at_start + after;
    wall_at_start = clamp(wall, rtc, rtc + SECOND + (after - before)) - after;
}

nanoseconds platform_wall(void)
{
    if (source == KVM)
        return kvmclock_wall();
    if (wall_at_start == 0 || platform_now() - rtc_read >= RTC_AGE)
        follow_rtc();
    return wall_at_start + platform_now();
}

nanoseconds clock_next_reading(void)
{
    return source == I8254 ? i8254_next_reading() : FOREVER;
}

void clock_start(void)
{
    uint64_t rate = tsc_rate();

    if (kvmclock_start()) {
        source = KVM;
    } else if (rate > 0) {
        source = TSC;
        scale = (uint64_t)(((unsigned __int128)SECOND << 32) / rate);
        first_tsc = rdtsc();
    } else {
        i8254_start();
    }
}

void clock_report(void)
{
    static const char *const names[] = {
        [I8254] = "the TSC, measured by the i8254",
        [KVM] = "kvmclock",
        [TSC] = "the TSC, by its rate from CPUID",
    };

    log_debug(&clock, "time is %s", names[source]);
}

/* Not known: a hypervisor has interfaces of its own for stolen time. */
bool platform_was_held(nanoseconds length)
{
    (void)length;
    return false;
}
