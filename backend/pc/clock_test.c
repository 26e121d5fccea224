/* SPDX-License-Identifier: ISC */
/* Which clock a machine has, and wall time by a model of the MC146818. */
#include "said.h"
#include <arch/cpu.h>
#include <mirage/platform.h>
#define rdtsc             tested_rdtsc
#define inb               tested_inb
#define outb              tested_outb
/* The test's process has its own. */
#define platform_now      tested_now
#define platform_wall     tested_wall
#define platform_was_held tested_was_held
#define clock_start       tested_start
nanoseconds platform_now(void);
nanoseconds platform_wall(void);
bool platform_was_held(nanoseconds length);

static uint64_t tested_rdtsc(void);
static uint8_t tested_inb(uint16_t port);
static void tested_outb(uint16_t port, uint8_t value);

#include "clock.c"
#include "check.h"

/* The machine. */
static bool has_kvmclock, has_no_rtc, is_binary;
static uint64_t tsc, rate, kvm_time, pit_time;
static bool pit_is_started;
static uint8_t registers[14], rtc_index;
static unsigned updating; /* reads of register A that say so */
static unsigned ticks_in; /* reads of the seconds after which they change */
static unsigned rtc_reads;

static uint64_t tested_rdtsc(void)
{
    return tsc;
}

bool kvmclock_start(void)
{
    return has_kvmclock;
}

nanoseconds kvmclock_now(void)
{
    return kvm_time;
}

nanoseconds kvmclock_wall(void)
{
    return 77 * SECOND;
}

uint64_t tsc_rate(void)
{
    return rate;
}

void i8254_start(void)
{
    pit_is_started = true;
}

nanoseconds i8254_now(void)
{
    return pit_time;
}

nanoseconds i8254_next_reading(void)
{
    return 12345;
}

static void tested_outb(uint16_t port, uint8_t value)
{
    CHECK(port == 0x70 && value < sizeof registers);
    rtc_index = value;
}

static uint8_t tested_inb(uint16_t port)
{
    CHECK(port == 0x71);
    if (has_no_rtc)
        return 0xff;
    rtc_reads++;
    if (rtc_index == 10 && updating > 0) {
        updating--;
        return 0x80 | 0x26;
    }
    /* While it is being updated, everything but this is undefined. */
    if (updating > 0 && rtc_index < 10)
        return 0x55;
    if (rtc_index == 0 && ticks_in > 0 && --ticks_in == 0) {
        registers[0] = 0;
        registers[2]++;
    }
    return registers[rtc_index];
}

static uint8_t bcd(unsigned n)
{
    return (uint8_t)(is_binary ? n : n / 10 * 16 + n % 10);
}

/* 2024-12-31 23:58:59, which is 1735689539 seconds after 1970. */
#define THEN (1735689539 * SECOND)

static void begin(void)
{
    has_kvmclock = has_no_rtc = pit_is_started = false;
    tsc = rate = kvm_time = pit_time = 0;
    source = I8254;
    wall_at_start = rtc_read = 0;
    updating = ticks_in = rtc_reads = 0;
    registers[0] = bcd(59);
    registers[2] = bcd(58);
    registers[4] = bcd(23);
    registers[7] = bcd(31);
    registers[8] = bcd(12);
    registers[9] = bcd(24);
    registers[10] = 0x26;
    registers[11] = is_binary ? 6 : 2;
    registers[13] = 0x80;
}

static const char *report(void)
{
    clock_report();
    return said_since();
}

TEST(kvmclock_is_preferred)
{
    begin();
    has_kvmclock = true;
    rate = 1000000000;
    clock_start();
    kvm_time = 5;
    pit_time = tsc = 99;
    CHECK(tested_now() == 5 && tested_wall() == 77 * SECOND);
    CHECK(clock_next_reading() == FOREVER && !pit_is_started);
    CHECK_TEXT(report(), "debug: time is kvmclock\n");
}

TEST(a_tsc_of_known_rate_is_read_without_the_i8254)
{
    begin();
    rate = 4000000000;
    tsc = 1000;
    clock_start();
    CHECK(tested_now() == 0);
    tsc += 4000000000;
    CHECK(tested_now() == SECOND);
    tsc += (uint64_t)4000000000 * 3600 * 24 * 365;
    CHECK(tested_now() == SECOND + 365 * 24 * 3600 * SECOND);
    CHECK(clock_next_reading() == FOREVER && !pit_is_started);
    CHECK_TEXT(report(), "debug: time is the TSC, by its rate from CPUID\n");
}

TEST(any_other_tsc_is_measured_by_the_i8254)
{
    begin();
    clock_start();
    pit_time = 8;
    CHECK(pit_is_started && tested_now() == 8);
    CHECK(clock_next_reading() == 12345);
    CHECK_TEXT(report(), "debug: time is the TSC, measured by the i8254\n");
    CHECK(!tested_was_held(SECOND));
}

TEST(the_real_time_clock_is_read_in_bcd_and_in_binary)
{
    for (int i = 0; i < 2; i++) {
        is_binary = i == 1;
        begin();
        CHECK(tested_wall() == THEN && rtc_reads < 20);
    }
    is_binary = false;
}

TEST(the_bit_of_the_afternoon_is_no_hour)
{
    begin();
    registers[4] = 0x80 | bcd(11);
    CHECK(tested_wall() == THEN - 12 * 3600 * SECOND);
}

TEST(a_clock_that_is_being_updated_is_waited_for)
{
    begin();
    updating = 7;
    CHECK(tested_wall() == THEN);
    begin();
    updating = UINT32_MAX; /* forever */
    (void)tested_wall();
    CHECK(rtc_reads < 1000000);
}

/* The seconds wrap between the first register that is read and the last. */
TEST(a_clock_that_ticks_while_it_is_read_is_read_again)
{
    begin();
    ticks_in = 2;
    CHECK(tested_wall() == THEN + SECOND);
}

TEST(without_a_real_time_clock_wall_time_begins_in_1970)
{
    begin();
    has_no_rtc = true;
    pit_time = 3 * SECOND;
    CHECK(tested_wall() == 3 * SECOND);
}

TEST(wall_time_goes_on_between_two_seconds_of_the_real_time_clock)
{
    begin();
    CHECK(tested_wall() == THEN);
    pit_time = SECOND - 1;
    rtc_reads = 0;
    CHECK(tested_wall() == THEN + SECOND - 1 && rtc_reads == 0);
    pit_time = SECOND;
    registers[0] = 0;
    registers[2] = bcd(59);
    CHECK(tested_wall() == THEN + SECOND && rtc_reads > 0);
    /* Still in the same second by that clock: no step. */
    rtc_reads = 0;
    pit_time = 2 * SECOND;
    CHECK(tested_wall() == THEN + 2 * SECOND && rtc_reads > 0);
}

/* A monitor had stopped the machine for an hour, and its TSC. */
TEST(wall_time_follows_a_real_time_clock_that_went_on)
{
    begin();
    registers[4] = bcd(22);
    CHECK(tested_wall() == THEN - 3600 * SECOND);
    registers[4] = bcd(23);
    pit_time = SECOND;
    CHECK(tested_wall() == THEN);
    /* And back: somebody has set it. */
    pit_time = 2 * SECOND;
    registers[4] = bcd(22);
    CHECK(tested_wall() == THEN - 3599 * SECOND);
}
