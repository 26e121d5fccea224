/* SPDX-License-Identifier: ISC */
/*
 * The processor's counter (TSC) is what we want to read, but nobody says how
 * fast it runs. The i8254's channel 1 counts at a known rate (channel 2 has a
 * gate that not every machine can open), but is slow to read, and wraps every
 * 55 ms. So at first time is the i8254's, the wraps being told apart by the
 * TSC, whose rate is known better with each reading. Once the two have run
 * side by side for SETTLED, the TSC alone is read, and compared with the i8254
 * after as long again, and so on, at last every LOOK; what it is found to be
 * off by is made up for by the next time, by running faster or slower. Nobody
 * waits for any of that.
 */
#include "i8254.h"
#include <arch/cpu.h>
#include <mirage/panic.h>
#include <stdbool.h>
#include <stdint.h>

#define RATE    1193182u /* ticks a second */
#define SETTLED (2 * SECOND)
#define LOOK    (8 * SECOND)
#define TRIES   5
#define GAP     (20 * MILLISECOND) /* between readings, at first */

struct reading {
    uint64_t tsc, ticks; /* ticks since the start */
    uint16_t count; /* it counts down */
};

static struct reading last, base; /* base: rates are measured from it */
static uint64_t scale; /* ns a TSC tick, in 2^-32 */

/* Once settled: time was anchor when the TSC was anchor_tsc; look at next. */
static bool settled;
static nanoseconds anchor;
static uint64_t anchor_tsc, next_tsc;

static nanoseconds of_ticks(uint64_t t)
{
    return t / RATE * SECOND + t % RATE * SECOND / RATE;
}

static uint64_t scaled(uint64_t tsc)
{
    return (uint64_t)((unsigned __int128)tsc * scale >> 32);
}

static nanoseconds by_tsc(uint64_t tsc)
{
    return anchor + scaled(tsc - anchor_tsc);
}

/* The TSC is that of the moment in which the count is latched; how well it is
 * known is what latching took. */
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

/* The host may stop us at any time, so that one reading may be far off. */
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

/* Counts the ticks up to r, with as many wraps as fit best with the TSC. */
static void advance(struct reading r)
{
    uint16_t passed = (uint16_t)(last.count - r.count);
    uint64_t expected =
        (uint64_t)((unsigned __int128)scaled(r.tsc - last.tsc) * RATE / SECOND);

    r.ticks = last.ticks + passed;
    if (expected > passed)
        r.ticks += (expected - passed + 0x8000) >> 16 << 16;
    last = r;
}

static void measure_rate(void)
{
    if (last.tsc > base.tsc)
        scale = (uint64_t)(((unsigned __int128)of_ticks(last.ticks -
                                                        base.ticks)
                            << 32) /
                           (last.tsc - base.tsc));
}

/*
 * From here on time goes as the TSC, beginning with what it is now, at the
 * rate that was measured and, until the next look, so much faster or slower
 * that it is right by then. By a thousandth at most.
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
    next_tsc = last.tsc + (uint64_t)(((unsigned __int128)period << 32) / scale);
    scale = (uint64_t)((unsigned __int128)scale *
                       (period + (nanoseconds)off) / period);
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

/* The first readings tell little about the TSC; later ones are not missed. */
nanoseconds i8254_look(void)
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
    outb(0x43, 0x74); /* both bytes, again and again */
    outb(0x41, 0);
    outb(0x41, 0);
    last = base = read_well();
    if (!counts())
        panic("nothing tells how time passes: there is no kvmclock, CPUID has "
              "no rate of the TSC, and no i8254 counts");
}
