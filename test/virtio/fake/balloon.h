/* SPDX-License-Identifier: ISC */
/*
 * balloon: a virtio balloon (virtio 1.2, 5.5) on the fake device. It knows
 * which pages it has, and ends the test program when the driver gives one twice
 * or takes one that it has not given.
 */
#ifndef VIRTIO_FAKE_BALLOON_H
#define VIRTIO_FAKE_BALLOON_H

#include "devices.h"

#define BALLOON_PAGES 8192u

struct fake_balloon {
    struct fake *fake;
    uint32_t first; /* the frame of the image's first page */
    bool has[BALLOON_PAGES]; /* by frame, from first on */
    unsigned pages; /* that it has */
    unsigned requests, most; /* and the most pages of one */
    bool is_slow; /* answers only by fake_balloon_answer */
    uint32_t written; /* it says that it wrote so many bytes */
};

/* Adds a balloon with these features to the machine. */
void fake_balloon_add(struct fake_balloon *b, uint64_t features,
                      bool is_legacy);

/* The device wants so many pages. */
void fake_balloon_want(struct fake_balloon *b, uint32_t pages);

/* The field `actual` of the configuration. */
uint32_t fake_balloon_actual(const struct fake_balloon *b);

/* Answers all requests. */
void fake_balloon_answer(struct fake_balloon *b);

#endif
