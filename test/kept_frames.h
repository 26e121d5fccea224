/* SPDX-License-Identifier: ISC */
/*
 * kept_frames: a network device that keeps the frames that it is given, in
 * `sent`, for tests of what network_write does in software.
 */
#ifndef TEST_KEPT_FRAMES_H
#define TEST_KEPT_FRAMES_H

#include "check.h"
#include <mirage/network.h>

#define FRAMES 64
#define PAGES  256

static struct buf *sent[FRAMES];
static size_t sent_count;
static uint8_t flat[NETWORK_FRAME + 100]; /* room for one frame in one piece */

static void keep_frame(struct network *n, struct buf *frame)
{
    (void)n;
    CHECK(sent_count < FRAMES);
    sent[sent_count++] = frame;
}

static struct network device(unsigned features)
{
    static const struct network_ops ops = {.write = keep_frame};

    if (buf_pages() < PAGES) /* other tests may have made a smaller pool */
        CHECK(buf_reserve(PAGES) == OK);
    return (struct network){
        .ops = &ops, .mtu = 1500, .features = features, .up = true};
}

/* Frees the sent frames; all pages must be free then. */
static void forget_sent(void)
{
    while (sent_count > 0)
        buf_free(sent[--sent_count]);
    CHECK(buf_pages_free() == buf_pages());
}

/* Byte i of a frame's data. */
static uint8_t letter(size_t i)
{
    return (uint8_t)(i * 7 + i / 251);
}

#endif
