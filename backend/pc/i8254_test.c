/* SPDX-License-Identifier: ISC */
/* The clock, with a TSC and an i8254 in simulated time. */
#include <arch/cpu.h>
#define rdtsc tested_rdtsc
#define inb   tested_inb
#define outb  tested_outb

#include <stdint.h>

static uint64_t tested_rdtsc(void);
static uint8_t tested_inb(uint16_t port);
static void tested_outb(uint16_t port, uint8_t value);

#include <mirage/panic.h>
#undef panic
#define panic(text) give_up(text)

static void give_up(const char *why) __attribute__((noreturn));

#include "muldiv.c"
#include "i8254.c"
#include "check.h"
#include <mirage/random.h>
#include <setjmp.h>

static uint64_t now, began; /* the true time */
static double tsc_rate; /* ticks a nanosecond */
static double counter;
static bool is_busy; /* the host preempts us now and then */
static bool is_stopped; /* the i8254 */
static uint16_t latched;
static int bytes_read;
static int loads; /* bytes that the channel still waits for */
static jmp_buf out;

static void give_up(const char *why)
{
    CHECK(strstr(why, "nothing tells how time passes") != NULL);
    longjmp(out, 1);
}

static void passes(uint64_t ns)
{
    if (is_busy && random_below(200) == 0)
        ns += random_below(3 * MILLISECOND);
    now += ns;
    counter += (double)ns * tsc_rate;
}

static uint64_t tested_rdtsc(void)
{
    passes(10);
    return (uint64_t)counter;
}

static void tested_outb(uint16_t port, uint8_t value)
{
    passes(500);
    if (port == 0x43 && value == 0x40) {
        CHECK(loads == 0);
        latched =
            (uint16_t)(0 - (uint64_t)((unsigned __int128)now * RATE / SECOND));
    } else if (port == 0x43) {
        CHECK(value == 0x74);
        loads = 2;
    } else {
        CHECK(port == 0x41 && value == 0 && loads > 0);
        loads--;
    }
    if (is_stopped)
        latched = 0;
    bytes_read = 0;
    passes(500);
}

static uint8_t tested_inb(uint16_t port)
{
    passes(1000);
    CHECK(port == 0x41);
    return (uint8_t)(bytes_read++ ? latched >> 8 : latched);
}

static void begin(double rate, bool busy)
{
    tsc_rate = rate;
    is_busy = false;
    last = base = (struct reading){0};
    scale = anchor = anchor_tsc = next_tsc = 0;
    settled = false;
    i8254_start();
    began = now - i8254_now();
    is_busy = busy;
}

/* Returns the largest error of the clock while time passes in steps up to most.
 * */
static nanoseconds worst(nanoseconds length, nanoseconds most)
{
    nanoseconds end = now + length, before = i8254_now(), worst = 0;

    while (now < end) {
        nanoseconds earliest, time, off = 0;

        passes(random_below((uint32_t)most));
        earliest = now - began;
        time = i8254_now();
        CHECK(time >= before);
        before = time;
        if (time < earliest)
            off = earliest - time;
        if (time > now - began)
            off = time - (now - began);
        worst = off > worst ? off : worst;
    }
    return worst;
}

TEST(an_hour_is_exact_to_a_tenth_of_a_millisecond)
{
    begin(2.1, false);
    CHECK(worst(10 * SECOND, MILLISECOND) < 100 * MICROSECOND);
    CHECK(worst(3600 * SECOND, 40 * MILLISECOND) < 100 * MICROSECOND);
}

TEST(an_hour_is_exact_although_the_host_preempts_the_image)
{
    for (int i = 0; i < 20; i++) {
        begin(0.8 + i * 0.217, true);
        CHECK(worst(100 * MILLISECOND, MILLISECOND) < 100 * MICROSECOND);
        CHECK(worst(300 * SECOND, 100 * MILLISECOND) < 200 * MICROSECOND);
    }
}

/* After the first readings, when the rate is exact enough to count the wraps.
 * */
TEST(time_is_right_when_it_is_not_read_for_seconds)
{
    begin(3.3, true);
    while (i8254_next_reading() != FOREVER)
        CHECK(worst(50 * MILLISECOND, i8254_next_reading() - i8254_now()) <
              100 * MICROSECOND);
    CHECK(worst(600 * SECOND, 3 * SECOND) < 300 * MICROSECOND);
    CHECK(worst(3600 * SECOND, 4 * SECOND) < 300 * MICROSECOND);
}

/* As on a host whose clock is being slewed. */
TEST(a_tsc_whose_rate_changes_is_followed)
{
    begin(2.5, true);
    CHECK(worst(200 * SECOND, 50 * MILLISECOND) < 200 * MICROSECOND);
    for (int i = 0; i < 10; i++) {
        tsc_rate *= 1.00002;
        CHECK(worst(200 * SECOND, 50 * MILLISECOND) < 400 * MICROSECOND);
    }
}

TEST(an_i8254_that_does_not_count_is_noticed_at_the_start)
{
    volatile bool has_started = false;

    is_stopped = true;
    if (setjmp(out) == 0) {
        i8254_start();
        has_started = true;
    }
    CHECK(!has_started);
    is_stopped = false;
}

/* The time is read in portions while the rate is unknown. */
TEST(the_clock_is_read_at_short_intervals_until_it_is_settled)
{
    nanoseconds settles;

    begin(1.0, false);
    CHECK(i8254_next_reading() > i8254_now());
    CHECK(i8254_next_reading() <= i8254_now() + GAP);
    settles = now + SETTLED;
    while (now < settles - GAP) {
        passes(GAP);
        (void)i8254_now();
        CHECK(i8254_next_reading() != FOREVER);
    }
    for (int i = 0; i < 3; i++) {
        passes(GAP);
        (void)i8254_now();
    }
    CHECK(i8254_next_reading() == FOREVER);
}
