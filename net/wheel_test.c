/* SPDX-License-Identifier: ISC */
/* Timers of the wheel, with a clock of the test. */
#include "check.h"
#include "wheel.c"
#include <mirage.h>

static nanoseconds clock, rung_at;
static int rung;

static void on_expiry(void *ctx)
{
    (void)ctx;
    rung++;
    rung_at = clock;
}

/* Turns w at each time that it asks for, until end. Returns the turns. */
static int turn_until(struct wheel *w, nanoseconds end)
{
    int turns = 0;

    while (wheel_next(w) <= end) {
        clock = wheel_next(w);
        wheel_turn(w, clock);
        turns++;
    }
    clock = end;
    wheel_turn(w, end);
    return turns;
}

TEST(a_timer_expires_once_and_never_early)
{
    static const nanoseconds after[] = {
        0, 1, MILLISECOND, 66 * MILLISECOND, 67 * MILLISECOND, SECOND,
        70 * SECOND, 4295 * SECOND, 20000 * SECOND, 2592000 * SECOND};
    struct wheel w;

    for (nanoseconds start = 0; start < SECOND; start += 77777777)
        for (size_t i = 0; i < sizeof after / sizeof *after; i++) {
            struct wheel_timer t = {.expired = on_expiry};

            rung = 0;
            wheel_init(&w, start);
            wheel_set(&w, &t, start + after[i]);
            CHECK(wheel_is_set(&t));
            turn_until(&w, start + after[i] + 2 * MILLISECOND);
            turn_until(&w, start + after[i] + SECOND);
            CHECK(rung == 1 && !wheel_is_set(&t));
            CHECK(rung_at >= start + after[i]);
            CHECK(rung_at <= start + after[i] + 3 * MILLISECOND);
            CHECK(wheel_next(&w) == FOREVER);
        }
}

TEST(a_deadline_between_two_ticks_is_rounded_up)
{
    static const nanoseconds tick = (nanoseconds)1 << TICK_BITS;

    CHECK(tick_of(0) == 0 && tick_of(tick) == 1 && tick_of(7 * tick) == 7);
    for (unsigned bit = 0; bit < TICK_BITS; bit++)
        CHECK(tick_of(7 * tick + ((nanoseconds)1 << bit)) == 8);
    CHECK(tick_of(8 * tick - 1) == 8);
}

TEST(a_month_of_empty_time_takes_few_turns)
{
    struct wheel w;
    struct wheel_timer t = {.expired = on_expiry};

    wheel_init(&w, 0);
    wheel_set(&w, &t, 2592000 * SECOND);
    CHECK(turn_until(&w, 2592001 * SECOND) < 1000);
}

TEST(a_moved_or_cleared_timer_does_not_expire_at_the_old_time)
{
    struct wheel w;
    struct wheel_timer t = {.expired = on_expiry}, u = {.expired = on_expiry};

    rung = 0;
    wheel_init(&w, 0);
    wheel_set(&w, &t, SECOND);
    wheel_set(&w, &u, SECOND);
    wheel_set(&w, &t, 2 * SECOND);
    wheel_clear(&w, &u);
    wheel_clear(&w, &u);
    turn_until(&w, SECOND + 900 * MILLISECOND);
    CHECK(rung == 0);
    turn_until(&w, 3 * SECOND);
    CHECK(rung == 1);
}

#define COUNT 500

static struct wheel many;
static struct wheel_timer timers[COUNT];
static nanoseconds due[COUNT];
static int late, early, rings;

static void on_expiry_of_many(void *ctx)
{
    int i = (int)((struct wheel_timer *)ctx - timers);

    rings++;
    early += clock < due[i];
    late += clock > due[i] + 3 * MILLISECOND;
    due[i] = clock + random_below(100) * random_below(100000000);
    wheel_set(&many, &timers[i], due[i]);
}

TEST(timers_set_by_their_callbacks_expire_on_time)
{
    wheel_init(&many, clock = 0);
    for (int i = 0; i < COUNT; i++) {
        timers[i] = (struct wheel_timer){.expired = on_expiry_of_many,
                                         .ctx = &timers[i]};
        due[i] = random_below(1000000000);
        wheel_set(&many, &timers[i], due[i]);
    }
    turn_until(&many, 100 * SECOND);
    CHECK(rings > 5000 && early == 0 && late == 0);
}

TEST(the_fiber_wakes_for_a_timer_set_earlier)
{
    static struct wheel w;
    struct wheel_timer a = {.expired = on_expiry}, b = {.expired = on_expiry};

    rung = 0;
    CHECK(wheel_start(&w) == OK);
    wheel_set(&w, &a, time_now() + 3600 * SECOND);
    CHECK(time_sleep(5 * MILLISECOND) == OK);
    wheel_set(&w, &b, time_now() + 10 * MILLISECOND);
    CHECK(time_sleep(200 * MILLISECOND) == OK);
    CHECK(rung == 1 && !wheel_is_set(&b) && wheel_is_set(&a));
    wheel_clear(&w, &a);
}
