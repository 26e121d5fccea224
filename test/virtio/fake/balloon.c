/* SPDX-License-Identifier: ISC */
/* A virtio balloon on the fake. */
#include "balloon.h"
#include <linux/virtio_balloon.h>
#include <linux/virtio_ids.h>
#include <mirage/macros.h>
#include <string.h>

enum { INFLATE = 0,
       DEFLATE = 1 };

static struct fake_balloon *balloon; /* a machine has one */

static void move(struct fake_balloon *b, unsigned index, uint32_t frame)
{
    uint32_t n = frame - b->first;
    bool is_given = index == INFLATE;

    if (n >= BALLOON_PAGES)
        fake_fail("frame %#x is none of the image", frame);
    if (b->has[n] == is_given)
        fake_fail("page %u is %s twice", n, is_given ? "given" : "taken");
    b->has[n] = is_given;
    b->pages += is_given ? 1 : -1u;
}

static bool answer(struct fake_balloon *b, unsigned index)
{
    static struct fake_buffer r;
    uint32_t frame;

    if (!b->fake->queue[index].is_started || !fake_take(b->fake, index, &r))
        return false;
    if (r.out != 1 || r.in != 0 || r.piece[0].len % sizeof frame != 0)
        fake_fail("a request of %u and %u pieces", r.out, r.in);
    for (uint32_t at = 0; at < r.piece[0].len; at += sizeof frame) {
        memcpy(&frame, r.piece[0].data + at, sizeof frame);
        move(b, index, frame);
    }
    b->requests++;
    b->most = max(b->most, (unsigned)(r.piece[0].len / sizeof frame));
    fake_give(b->fake, index, &r, b->written);
    return true;
}

void fake_balloon_answer(struct fake_balloon *b)
{
    while (answer(b, INFLATE) || answer(b, DEFLATE))
        ;
}

static void notified(struct fake *f, unsigned index)
{
    (void)f;
    (void)index;
    if (!balloon->is_slow)
        fake_balloon_answer(balloon);
}

static void written(struct fake *f, size_t offset, size_t len)
{
    (void)f;
    if (offset != offsetof(struct virtio_balloon_config, actual) || len != 4)
        fake_fail("%zu bytes of the configuration are written at %zu", len,
                  offset);
}

void fake_balloon_add(struct fake_balloon *b, uint64_t features,
                      bool is_legacy)
{
    *b = (struct fake_balloon){.fake = fake_new(features, is_legacy)};
    b->fake->notified = notified;
    b->fake->written = written;
    balloon = b;
    fake_add(b->fake, VIRTIO_ID_BALLOON);
}

static uint32_t field(const struct fake_balloon *b, size_t offset)
{
    uint32_t value;

    memcpy(&value, b->fake->config + offset, sizeof value);
    return value;
}

void fake_balloon_want(struct fake_balloon *b, uint32_t pages)
{
    memcpy(b->fake->config +
               offsetof(struct virtio_balloon_config, num_pages),
           &pages, sizeof pages);
    fake_change_config(b->fake);
}

uint32_t fake_balloon_actual(const struct fake_balloon *b)
{
    return field(b, offsetof(struct virtio_balloon_config, actual));
}
