/* SPDX-License-Identifier: ISC */
/*
 * The TSC, calibrated by the i8254 while the image runs. Channel 1 of the i8254
 * has a known rate, but is slow to read and wraps every 55 ms. (Channel 2 has a
 * gate, which not every machine can open.) At first the time is the i8254's,
 * and the TSC counts its wraps. After SETTLED only the TSC is read. It is
 * compared with the i8254 at intervals that double up to LOOK, and its error is
 * slewed away by the next comparison.
 */
#include "i8254.h"
#include "muldiv.h"
#include <arch/cpu.h>
#include <mirage/panic.h>
#include <stdbool.h>
#include <stdint.h>

#define RATE    1193182u /* ticks a second */
#define SETTLED (2 * SECOND)
#define LOOK    (8 * SECOND)
#define TRIES   5
#define GAP     (20 * MILLISECOND) /* between the first readings */

struct reading {
    uint64_t tsc, ticks; /* ticks since the start */
    uint16_t count; /* it counts down */
};

static struct reading last, base; /* base: where the rate is measured from */
static uint64_t scale; /* nanoseconds a tick of the TSC, in units of 2^-32 */
#define UNIT ((uint64_t)1 << 32)

/* Once settled: the time was anchor when the TSC was anchor_tsc; the next
 * comparison is due when it is next_tsc. */
static bool settled;
static nanoseconds anchor;
static uint64_t anchor_tsc, next_tsc;

static nanoseconds of_ticks(uint64_t t)
{
    return muldiv(t, SECOND, RATE);
}

static uint64_t scaled(uint64_t tsc)
{
    return (uint64_t)((unsigned __int128)tsc * scale >> 32);
}

static nanoseconds by_tsc(uint64_t tsc)
{
    return anchor + scaled(tsc - anchor_tsc);
}

/* Latches the count. The TSC of that moment is known up to the duration of the
 * latch command, *took. */
static struct reading read_once(uint64_t *took)
{
    struct reading r = {.tsc = rdtsc()};

    outb(0x43, 0x40);
    *took = rdtsc() - r.tsc;
    r.tsc += *took / 2;
    r.count = inb(0x41);
    r.count |= (uint16_t)(inb(0x41) << 8);
    return r;
}

/* The best of several readings: the host may preempt us during any of them. */
static struct reading read_well(void)
{
    struct reading best = {0};
    uint64_t least = UINT64_MAX, took;

    for (int i = 0; i < TRIES; i++) {
        struct reading r = read_once(&took);

        if (took < least) {
            least = took;
            best = r;
        }
    }
    return best;
}

/* Adds the ticks up to r, with the number of wraps that fits the TSC best. */
static void advance(struct reading r)
{
    uint16_t passed = (uint16_t)(last.count - r.count);
    uint64_t expected = muldiv(scaled(r.tsc - last.tsc), RATE, SECOND);

    r.ticks = last.ticks + passed;
    if (expected > passed)
        r.ticks += (expected - passed + 0x8000) >> 16 << 16;
    last = r;
}

static void measure_rate(void)
{
    if (last.tsc > base.tsc)
        scale = muldiv(of_ticks(last.ticks - base.ticks), UNIT,
                       last.tsc - base.tsc);
}

/*
 * From now on the time follows the TSC at its measured rate, changed by at most
 * a thousandth so that the present error is gone by the next comparison. The
 * time never jumps.
 */
static void compare(void)
{
    nanoseconds now, right, period;
    int64_t off, most;

    advance(read_well());
    right = of_ticks(last.ticks);
    now = settled ? by_tsc(last.tsc) : right;
    measure_rate();
    period = right < LOOK ? right : LOOK;
    most = (int64_t)(period / 1000);
    off = (int64_t)(right - now);
    off = off > most ? most : off < -most ? -most
                                          : off;
    next_tsc = last.tsc + muldiv(period, UNIT, scale);
    scale = muldiv(scale, period + (nanoseconds)off, period);
    anchor = now;
    anchor_tsc = last.tsc;
    settled = true;
    if (of_ticks(last.ticks - base.ticks) >= LOOK)
        base = last;
}

nanoseconds i8254_now(void)
{
    uint64_t tsc, took;

    if (!settled) {
        advance(read_once(&took));
        measure_rate();
        if (of_ticks(last.ticks) < SETTLED)
            return of_ticks(last.ticks);
        compare();
    }
    tsc = rdtsc();
    if (tsc >= next_tsc) {
        compare();
        tsc = rdtsc();
    }
    return by_tsc(tsc);
}

/* The first readings are too close to each other for an exact rate. */
nanoseconds i8254_next_reading(void)
{
    return settled ? FOREVER : of_ticks(last.ticks) + GAP;
}

static bool counts(void)
{
    uint64_t took;

    for (int i = 0; i < 1000; i++)
        if (read_once(&took).count != last.count)
            return true;
    return false;
}

void i8254_start(void)
{
    outb(0x43, 0x74); /* channel 1, both bytes, mode 2: rate generator */
    outb(0x41, 0);
    outb(0x41, 0);
    last = base = read_well();
    if (!counts())
        panic("nothing tells how time passes: there is no kvmclock, CPUID has "
              "no rate of the TSC, and no i8254 counts");
}
