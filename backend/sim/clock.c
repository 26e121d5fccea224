/* SPDX-License-Identifier: ISC */
/*
 * Virtual time: when every fiber waits, the clock jumps to the next deadline.
 * Random numbers come from a seed. So a run can be repeated, and hours of it
 * take only the time that the fibers compute.
 */
#include "seed.h"
#include <errno.h>
#include <mirage/boot.h>
#include <mirage/panic.h>
#include <mirage/platform.h>
#include <mirage/process.h>
#include <string.h>
#include <sys/random.h>

#define BEGIN (1735689600 * SECOND) /* 2025-01-01, UTC */

BOOT_NUMBER(seed, -1, -1, INT64_MAX, "makes the same run again");

static nanoseconds now;
static uint64_t state;
static bool seeded;

void clock_start(void)
{
}

nanoseconds platform_now(void)
{
    return now;
}

nanoseconds platform_wall(void)
{
    return BEGIN + now;
}

/* Polls the host's events first; the clock advances only if no fiber has become
 * ready. */
void platform_wait(nanoseconds deadline)
{
    static bool asked;

    if (deadline <= now) {
        asked = false;
        return;
    }
    if (!asked) {
        asked = true;
        events_dispatch(0);
        return;
    }
    asked = false;
    if (deadline != FOREVER) {
        now = deadline;
        return;
    }
    if (!events_are_awaited()) {
        image_say("%s: after %.9f s: every fiber waits for another, and none "
                  "for a time: nothing will ever happen again\n",
                  image_name(), (double)now / 1e9);
        platform_exit(3);
    }
    events_dispatch(FOREVER);
}

/* SplitMix64 (Steele, Lea and Flood, 2014). */
uint64_t seed_next(uint64_t *s)
{
    uint64_t z = *s += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

void seed_set(uint64_t value)
{
    state = value;
    seeded = true;
}

uint64_t seed_value(void)
{
    if (seeded)
        return state;
    if (seed < 0) {
        uint32_t any;

        if (getentropy(&any, sizeof any) != 0)
            panic("getentropy: %s", strerror(errno));
        seed = any;
        image_say("%s: --seed=%lld makes the same run again\n", image_name(),
                  (long long)seed);
    }
    seed_set((uint64_t)seed);
    return state;
}

void platform_entropy(void *data, size_t len)
{
    uint8_t *to = data;

    (void)seed_value();
    for (size_t i = 0; i < len; i++)
        to[i] = (uint8_t)(seed_next(&state) >> 32);
}

void platform_seed(void *data, size_t len)
{
    platform_entropy(data, len);
}

bool platform_is_copied(void)
{
    return false;
}

/* Time passes only while all fibers wait. */
bool platform_was_held(nanoseconds length)
{
    (void)length;
    return true;
}
