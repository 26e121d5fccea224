/* SPDX-License-Identifier: ISC */
/*
 * A sample is the low byte of a duration, and is assumed to have an eighth of a
 * bit of entropy; twice as many are taken as that requires. The cutoffs of the
 * health tests follow for a false alarm rate of 2^-20 (NIST SP 800-90B, 4.4.1
 * and 4.4.2, where C is CRITBINOM(512, 2^-1/8, 1 - 2^-20) + 1).
 */
#include "jitter.h"
#include <mirage/platform.h>

#define SAMPLES      4096
#define TRIES        8
#define MOST_REPEATS 161 /* in a row */
#define WINDOW       512
#define MOST_SAME    497 /* equal to the first, in a window */

struct health {
    uint8_t last, first;
    unsigned repeats, at, same;
};

static bool is_healthy(struct health *h, uint8_t sample)
{
    h->repeats = sample == h->last ? h->repeats + 1 : 1;
    h->last = sample;
    if (h->at == 0) {
        h->first = sample;
        h->same = 0;
    }
    h->same += sample == h->first;
    h->at = (h->at + 1) % WINDOW;
    return h->repeats < MOST_REPEATS && h->same < MOST_SAME;
}

static bool collect(uint8_t *key, jitter_measure *measure)
{
    struct health h = {0};
    uint8_t samples[RANDOM_MIXED];

    for (int i = 0; i < SAMPLES; i++) {
        uint8_t sample = (uint8_t)measure();

        if (!is_healthy(&h, sample))
            return false;
        samples[i % RANDOM_MIXED] = sample;
        if (i % RANDOM_MIXED == RANDOM_MIXED - 1)
            random_mix(key, samples);
    }
    return true;
}

bool jitter_collect(uint8_t *key, jitter_measure *measure)
{
    for (int i = 0; i < TRIES; i++)
        if (collect(key, measure))
            return true;
    return false;
}
