/* SPDX-License-Identifier: ISC */
/* The health tests, on simulated durations. */
#include "jitter.c"
#include "check.h"
#include <mirage/random.h>

static int measured;

static uint64_t random_time(void)
{
    measured++;
    return 300 + random_below(64);
}

static uint64_t stuck(void)
{
    measured++;
    return 300;
}

static uint64_t stuck_later(void)
{
    return measured < 2000 ? random_time() : stuck();
}

/* The same in 99 of 100 samples: no run is long enough for the first test. */
static uint64_t biased(void)
{
    return random_below(100) ? stuck() : random_time();
}

/* The same in half of the samples. */
static uint64_t poor(void)
{
    return random_below(2) ? stuck() : random_time();
}

static bool collects(jitter_measure *measure, uint8_t *key)
{
    memset(key, 0, RANDOM_KEY);
    measured = 0;
    return jitter_collect(key, measure);
}

TEST(random_durations_give_a_key_that_differs_each_time)
{
    uint8_t one[RANDOM_KEY], two[RANDOM_KEY];

    CHECK(collects(random_time, one));
    CHECK(measured == SAMPLES);
    CHECK(collects(random_time, two));
    CHECK(memcmp(one, two, sizeof one) != 0);
    CHECK(collects(poor, one));
    CHECK(measured == SAMPLES);
}

TEST(constant_durations_fail_the_health_tests_at_once)
{
    uint8_t key[RANDOM_KEY];

    CHECK(!collects(stuck, key));
    CHECK(measured == TRIES * MOST_REPEATS);
}

TEST(a_clock_that_stops_fails_the_health_tests)
{
    uint8_t key[RANDOM_KEY];

    CHECK(!collects(stuck_later, key));
    CHECK(measured <= 2000 + TRIES * MOST_REPEATS);
}

TEST(durations_that_are_nearly_constant_fail_the_health_tests)
{
    uint8_t key[RANDOM_KEY];

    CHECK(!collects(biased, key));
}

/* SP 800-90B, 4.4.1: a run as long as the cutoff fails. */
TEST(the_cutoff_of_the_repetition_count_test_is_exact)
{
    struct health h = {0};
    uint8_t last = 7;

    CHECK(is_healthy(&h, last));
    for (int i = 2; i < MOST_REPEATS; i++)
        CHECK(is_healthy(&h, last));
    CHECK(!is_healthy(&h, last));
}

/* SP 800-90B, 4.4.2: the first sample of each window is counted in it. */
static int healthy_until(int others)
{
    struct health h = {0};
    int i = 0;

    /* Every hundredth sample differs, so that no run is too long. */
    while (i < 3 * WINDOW &&
           is_healthy(&h, i % WINDOW % 30 == 29 && i % WINDOW / 30 < others
                              ? (uint8_t)i
                              : 9))
        i++;
    return i;
}

TEST(the_cutoff_of_the_adaptive_proportion_test_is_exact)
{
    CHECK(healthy_until(WINDOW - MOST_SAME + 1) == 3 * WINDOW);
    CHECK(healthy_until(WINDOW - MOST_SAME) == WINDOW - 1);
}

static uint64_t of_count(void)
{
    return (uint64_t)measured++ * 7;
}

TEST(each_sample_is_mixed_once)
{
    uint8_t key[RANDOM_KEY], wanted[RANDOM_KEY] = {0}, piece[RANDOM_MIXED];

    CHECK(collects(of_count, key));
    for (int i = 0; i < SAMPLES; i++) {
        piece[i % RANDOM_MIXED] = (uint8_t)(i * 7);
        if ((i + 1) % RANDOM_MIXED == 0)
            random_mix(wanted, piece);
    }
    CHECK(memcmp(key, wanted, sizeof key) == 0);
}
