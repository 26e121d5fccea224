/* SPDX-License-Identifier: ISC */
/*
 * virtio's entropy device (virtio 1.2, 5.4): asked once, at boot. What it gives
 * is mixed with the other sources, and then replaces those numbers in stock.
 */
#include "rng_virtio.h"
#include "virtio.h"
#include <bare/entropy.h>
#include <linux/virtio_ids.h>
#include <mirage/buf.h>
#include <mirage/machine.h>
#include <mirage/platform.h>
#include <string.h>

#define ASKED 64u
#define LIMIT (100 * MILLISECOND)

LOG_SOURCE(rng);

static struct virtqueue *queue;
static uint8_t *page; /* the device's to write until it was used */
static bool is_done, is_given_up;

static void on_used(void *ctx)
{
    uint8_t bytes[ASKED];
    uint32_t written;

    (void)ctx;
    if (!virtqueue_used(queue, &written))
        return;
    memcpy(bytes, page, sizeof bytes);
    entropy_device(bytes, written);
    memset(bytes, 0, sizeof bytes);
    is_done = true;
    random_reseed();
}

static enum status start(struct virtio_device *d, void *ctx)
{
    (void)ctx;
    return virtqueue_create(d, 0, 8, 1, on_used, NULL, &queue);
}

static void started(struct virtio_device *d, void *ctx)
{
    struct virtio_piece piece = {page, ASKED};

    (void)d;
    (void)ctx;
    if (is_done || !virtqueue_add(queue, &piece, 0, 1, page))
        return;
    if (!virtqueue_enable(queue))
        on_used(NULL);
    virtqueue_kick(queue);
}

static void stopped(struct virtio_device *d, void *ctx, bool is_gone)
{
    (void)d;
    (void)ctx;
    is_given_up = is_gone;
}

static const struct virtio_driver driver = {
    .log = &rng, .start = start, .started = started, .stopped = stopped};

/* The device may be slow, or wait for other guests; it is not waited for
 * again. */
static void wait_for_device(void)
{
    nanoseconds deadline = platform_now() + LIMIT;

    while (!is_done && !is_given_up && platform_now() < deadline)
        machine_wait(deadline);
}

static bool start_device(struct virtio_device *d)
{
    enum status s;

    page = page_alloc(1);
    if (!page)
        return false;
    s = virtio_start(d, &driver, NULL);
    if (s != OK)
        log_warning(&rng, "%s: %s", d->place, status_text(s));
    return s == OK;
}

void rng_start(struct virtio_device *devices)
{
    for (struct virtio_device *d = devices; d; d = d->next)
        if (d->type == VIRTIO_ID_RNG && start_device(d)) {
            entropy_wait_for(wait_for_device);
            return;
        }
}
