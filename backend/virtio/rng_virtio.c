/* SPDX-License-Identifier: ISC */
/*
 * virtio's entropy device (virtio 1.2, 5.4): asked at boot, in images that draw
 * random numbers. What it gives is mixed with the other sources, and replaces
 * the numbers in stock.
 */
#include "virtio.h"
#include <bare/entropy.h>
#include <linux/virtio_ids.h>
#include <mirage/buf.h>
#include <mirage/machine.h>
#include <mirage/platform.h>
#include <string.h>

#define ASKED      64u
#define MOST_ASKED 64u /* times: a device may give little at a time */
#define LIMIT      (100 * MILLISECOND)

LOG_SOURCE(rng);

static struct virtqueue *queue;
static uint8_t *page; /* the device's to write until it was used */
static uint32_t got; /* bytes */
static unsigned asked; /* times */
static bool is_done, is_given_up, must_wait;

/* Takes what the device has given. False: it has given nothing yet. */
static bool take(void)
{
    uint8_t bytes[ASKED];
    uint32_t written;

    if (!virtqueue_used(queue, &written))
        return false;
    memcpy(bytes, page, sizeof bytes);
    entropy_device(bytes, written);
    got += written;
    return true;
}

/* Asks until the device has given enough. */
static void ask(void)
{
    struct virtio_piece piece = {page, ASKED};

    while (got < RANDOM_KEY) {
        if (asked == MOST_ASKED || !virtqueue_add(queue, &piece, 0, 1, page))
            return;
        asked++;
        virtqueue_kick(queue);
        if (virtqueue_enable(queue))
            return;
        (void)take();
    }
    is_done = true;
    random_reseed();
}

static void on_used(void *ctx)
{
    (void)ctx;
    if (take())
        ask();
}

static enum status start(struct virtio_device *d, void *ctx)
{
    (void)ctx;
    return virtqueue_create(d, 0, 8, 1, on_used, NULL, &queue);
}

static void started(struct virtio_device *d, void *ctx)
{
    (void)d;
    (void)ctx;
    if (!is_done)
        ask();
}

static void stopped(struct virtio_device *d, void *ctx, bool is_gone)
{
    (void)d;
    (void)ctx;
    is_given_up = is_gone;
}

static const struct virtio_driver driver = {
    .log = &rng, .start = start, .started = started, .stopped = stopped};

static bool start_device(struct virtio_device *d)
{
    enum status s;

    if (!page && !(page = page_alloc(1)))
        return false;
    s = virtio_start(d, &driver, NULL);
    if (s != OK)
        log_warning(&rng, "%s: %s", d->place, status_text(s));
    return s == OK;
}

bool entropy_ask_devices(void)
{
    struct virtio_device *d = virtio_devices();

    while (d && (d->type != VIRTIO_ID_RNG || d->driver || !start_device(d)))
        d = d->next;
    must_wait = d && entropy_is_weak();
    return must_wait;
}

/* The device may be slow, or wait for other guests: later answers are mixed
 * when they come. No other fiber runs meanwhile. */
static void wait_for_device(void)
{
    nanoseconds deadline = platform_now() + LIMIT;

    while (!is_done && !is_given_up && platform_now() < deadline)
        machine_wait(deadline);
}

/* core/random.c calls this, so whatever draws random numbers has this file. */
void platform_seed(void *data, size_t len)
{
    if (must_wait) {
        must_wait = false;
        wait_for_device();
        entropy_report();
    }
    platform_entropy(data, len);
}
