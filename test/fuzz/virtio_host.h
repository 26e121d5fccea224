/* SPDX-License-Identifier: ISC */
/*
 * virtio_host: a device with split rings below struct virtio_transport, which
 * does and says what the input has it, for the fuzz targets of drivers. After
 * the input's end it does nothing.
 */
#ifndef FUZZ_VIRTIO_HOST_H
#define FUZZ_VIRTIO_HOST_H

#include "platform.h"
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <mirage/macros.h>
#include <mirage/time.h>
#include <string.h>
#include <virtio/virtio.h>

#define SIZE 32u /* of each queue, at most */

static struct virtio_device fuzzed;
static uint8_t fuzzed_status, fuzzed_config[32];
static uint64_t fuzzed_features, fuzzed_accepted;
static struct {
    struct vring_desc *descriptors; /* NULL: it is not started */
    struct vring_avail *avail;
    struct vring_used *used;
    uint16_t size, taken;
} rings[VIRTIO_QUEUES];

static uint64_t features(struct virtio_device *d)
{
    (void)d;
    return fuzzed_features;
}

static void accept(struct virtio_device *d, uint64_t these)
{
    (void)d;
    check((these & ~fuzzed_features) == 0);
    fuzzed_accepted = these;
}

static uint8_t status(struct virtio_device *d)
{
    (void)d;
    return fuzzed_status;
}

static void set_status(struct virtio_device *d, uint8_t to)
{
    (void)d;
    fuzzed_status = to;
    if (to == 0)
        memset(rings, 0, sizeof rings);
}

static bool read_config(struct virtio_device *d, size_t offset, void *data,
                        size_t len)
{
    (void)d;
    check(offset <= sizeof fuzzed_config &&
          len <= sizeof fuzzed_config - offset);
    memcpy(data, fuzzed_config + offset, len);
    return true;
}

static void write_config(struct virtio_device *d, size_t offset,
                         const void *data, size_t len)
{
    (void)d;
    check(offset <= sizeof fuzzed_config &&
          len <= sizeof fuzzed_config - offset);
    memcpy(fuzzed_config + offset, data, len);
}

static uint32_t generation(struct virtio_device *d)
{
    (void)d;
    return 0;
}

static uint16_t queue_size(struct virtio_device *d, unsigned index)
{
    (void)d;
    (void)index;
    return SIZE;
}

static bool queue_start(struct virtio_device *d, unsigned index, uint16_t size,
                        uint64_t descriptors, uint64_t driver, uint64_t used)
{
    (void)d;
    rings[index].descriptors = (void *)(uintptr_t)descriptors;
    rings[index].avail = (void *)(uintptr_t)driver;
    rings[index].used = (void *)(uintptr_t)used;
    rings[index].size = size;
    rings[index].taken = 0;
    return true;
}

static void notify(struct virtio_device *d, unsigned index, uint32_t data)
{
    (void)d;
    check(index == data && rings[index].descriptors);
}

static uint8_t cause(struct virtio_device *d)
{
    (void)d;
    return 3;
}

static const struct virtio_transport transport = {
    .features = features,
    .accept = accept,
    .status = status,
    .set_status = set_status,
    .read_config = read_config,
    .write_config = write_config,
    .generation = generation,
    .queue_size = queue_size,
    .queue_start = queue_start,
    .notify = notify,
    .cause = cause,
};

/* Returns a buffer; what it says of it may be wrong. */
static void give_back(unsigned index, uint32_t id, uint32_t len)
{
    struct vring_used *used = rings[index].used;

    used->ring[used->idx % rings[index].size].id = id;
    used->ring[used->idx % rings[index].size].len = len;
    used->idx++;
}

/* Does the next available buffer, with bytes of the input. */
static void serve(unsigned index, unsigned len)
{
    uint16_t head = rings[index].avail->ring[rings[index].taken %
                                             rings[index].size];
    const struct vring_desc *d = &rings[index].descriptors[head];
    uint8_t *data = (void *)(uintptr_t)d->addr;

    if (rings[index].taken == rings[index].avail->idx)
        return;
    rings[index].taken++;
    len = d->flags & VRING_DESC_F_WRITE ? min(len, d->len) : 0;
    for (unsigned i = 0; i < len; i++)
        data[i] = next_byte();
    give_back(index, head, len);
}

/* The device does one thing, by up to three bytes of the input. */
static void act(void)
{
    unsigned index = next_byte() % VIRTIO_QUEUES, what = next_byte();
    unsigned how = next_byte();

    if (what % 32 == 31) {
        fuzzed_status |= VIRTIO_CONFIG_S_NEEDS_RESET;
    } else if (what % 8 == 7) {
        fuzzed_config[how % sizeof fuzzed_config] = next_byte();
    } else if (!rings[index].descriptors) {
        return;
    } else if (what % 32 == 30) {
        give_back(index, how, next_byte());
    } else {
        serve(index, how);
    }
    virtio_interrupt(&fuzzed);
}

/* Puts a new device in the place of the one before. */
static void begin_device(uint32_t type, const uint8_t *data, size_t size)
{
    begin_input(data, size);
    fuzzed_status = 0;
    memset(rings, 0, sizeof rings);
    fuzzed_features = UINT64_C(1) << VIRTIO_F_VERSION_1 | next_byte() |
                      (uint64_t)(next_byte() & 1) << VIRTIO_RING_F_EVENT_IDX;
    for (size_t i = 0; i < sizeof fuzzed_config; i++)
        fuzzed_config[i] = i < 12 ? next_byte() : 0;
    fuzzed = (struct virtio_device){.transport = &transport,
                                    .type = type,
                                    .place = "fuzz"};
}

/* Gives the device up, and waits until its fiber has ended. */
static void end_device(void)
{
    if (fuzzed.driver)
        virtio_broken(&fuzzed, "is not needed");
    for (int i = 0; i < 30; i++)
        (void)time_sleep(SECOND);
}

#endif
