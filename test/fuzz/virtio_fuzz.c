/* SPDX-License-Identifier: ISC */
/*
 * Queues of a hostile virtio device (virtio 1.2, 2.6 to 2.8): each buffer comes
 * back once, by virtqueue_used or at the end, with a length that it holds; only
 * memory of the rings is read.
 *
 * The input is what the registers say, and actions of driver and device in
 * turn; after its end the device is honest.
 */
#include "platform.h"
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <mirage/time.h>
#include <string.h>
#include <virtio/virtio.h>

#define BUFFERS 64
#define QUEUES  2
#define PIECES  5

LOG_SOURCE(virtio_fuzz);

static uint16_t next_word(void)
{
    uint16_t low = next_byte();

    return (uint16_t)(low | next_byte() << 8);
}

static struct virtio_device device;
static uint64_t accepted;
static uint8_t status_bits;
static struct {
    struct virtqueue *q;
    uint8_t *rings, *used;
    size_t size, bytes;
    uint16_t next;
    bool wrap;
} queues[QUEUES];
static bool is_added[QUEUES][BUFFERS];
static uint32_t capacity[QUEUES][BUFFERS];
static uint8_t memory[64];
static unsigned stops;

/* The device's registers. What they say is right, but for what the input has
 * one of 16 times. */

static bool lies(void)
{
    return fuzz_left > 0 && next_byte() % 16 == 15;
}

static uint64_t features(struct virtio_device *d)
{
    uint64_t some = next_byte();

    (void)d;
    return (lies() ? 0 : 1ull << VIRTIO_F_VERSION_1) |
           (some & 1 ? 1ull << VIRTIO_F_RING_PACKED : 0) |
           (some & 2 ? 1ull << VIRTIO_RING_F_EVENT_IDX : 0) |
           (some & 4 ? 1ull << VIRTIO_RING_F_INDIRECT_DESC : 0) |
           (some & 8 ? 1ull << VIRTIO_F_ACCESS_PLATFORM : 0);
}

static void accept(struct virtio_device *d, uint64_t these)
{
    (void)d;
    accepted = these;
}

static uint8_t status(struct virtio_device *d)
{
    (void)d;
    return lies() ? next_byte() : status_bits;
}

static void set_status(struct virtio_device *d, uint8_t to)
{
    (void)d;
    status_bits = to;
    if (to == 0)
        for (unsigned i = 0; i < QUEUES; i++)
            queues[i].rings = NULL;
}

static bool read_config(struct virtio_device *d, size_t offset, void *data,
                        size_t len)
{
    (void)d;
    (void)offset;
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)data)[i] = next_byte();
    return true;
}

static void write_config(struct virtio_device *d, size_t offset,
                         const void *data, size_t len)
{
    (void)d;
    (void)offset;
    for (size_t i = 0; i < len; i++)
        (void)((const volatile uint8_t *)data)[i];
}

static uint32_t generation(struct virtio_device *d)
{
    (void)d;
    return lies();
}

static uint16_t queue_size(struct virtio_device *d, unsigned index)
{
    (void)d;
    (void)index;
    return lies() ? next_word() : (uint16_t)(16 << next_byte() % 3);
}

static bool queue_start(struct virtio_device *d, unsigned index, uint16_t size,
                        uint64_t descriptors, uint64_t driver,
                        uint64_t used)
{
    (void)d;
    (void)driver;
    queues[index].rings = (void *)(uintptr_t)descriptors;
    queues[index].used = (void *)(uintptr_t)used;
    queues[index].size = size;
    queues[index].next = 0;
    queues[index].wrap = true;
    queues[index].bytes = accepted >> VIRTIO_F_RING_PACKED & 1
                              ? size * sizeof(struct vring_packed_desc) + 8
                              : used - descriptors + 6 +
                                    size * sizeof(struct vring_used_elem);
    return !lies();
}

/* Gives the buffer `id` back, as an honest device would. */
static void give(unsigned index, uint32_t id, uint32_t len)
{
    uint16_t n = queues[index].next++;

    if (accepted >> VIRTIO_F_RING_PACKED & 1) {
        struct vring_packed_desc *at =
            (struct vring_packed_desc *)(void *)queues[index].rings + n;

        at->id = (uint16_t)id;
        at->len = len;
        at->flags = queues[index].wrap ? 0x8080 : 0;
        if (queues[index].next == queues[index].size) {
            queues[index].next = 0;
            queues[index].wrap = !queues[index].wrap;
        }
    } else {
        struct vring_used *at = (void *)queues[index].used;

        at->ring[n % queues[index].size].id = id;
        at->ring[n % queues[index].size].len = len;
        at->idx = queues[index].next;
    }
}

static void act(void)
{
    unsigned index = next_byte() % QUEUES, what = next_byte();

    if (!queues[index].rings)
        return;
    if (what % 4 == 0) {
        size_t at = next_word() % queues[index].bytes;

        queues[index].rings[at] = next_byte();
    } else {
        give(index, what % 16 == 5 ? next_word() : what / 4 % 16,
             next_byte());
    }
    if (what & 0x80)
        virtio_interrupt(&device);
}

static void notify(struct virtio_device *d, unsigned index, uint32_t data)
{
    (void)d;
    check(index == data && queues[index].rings);
    check(status_bits & VIRTIO_CONFIG_S_DRIVER_OK);
    act();
}

static uint8_t cause(struct virtio_device *d)
{
    (void)d;
    return lies() ? next_byte() : 1;
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

/* The driver. */

static void come_back(unsigned index, const bool *token)
{
    size_t i = (size_t)(token - is_added[index]);

    check(token >= is_added[index] && i < BUFFERS && *token);
    is_added[index][i] = false;
}

static void on_used(void *ctx)
{
    (void)ctx;
}

static enum status start(struct virtio_device *d, void *ctx)
{
    enum status s = OK;
    uint64_t value;

    (void)ctx;
    for (unsigned i = 0; i < QUEUES && s == OK; i++)
        s = virtqueue_create(d, i, 32, PIECES, on_used, NULL, &queues[i].q);
    if (s == OK && !virtio_config(d, 0, &value, sizeof value))
        check(value == 0);
    return s;
}

static void stopped(struct virtio_device *d, void *ctx, bool is_gone)
{
    (void)ctx;
    stops += is_gone;
    for (unsigned i = 0; i < QUEUES; i++) {
        bool *token;

        while (d->queue[i] && (token = virtqueue_reclaim(d->queue[i])))
            come_back(i, token);
        for (unsigned j = 0; j < BUFFERS; j++)
            check(!is_added[i][j]);
    }
}

static const struct virtio_driver driver = {
    .log = &virtio_fuzz,
    .start = start,
    .stopped = stopped,
};

static void add(unsigned index, unsigned what)
{
    struct virtio_piece p[PIECES];
    unsigned out = what % 3, in = what / 4 % 3 + (out == 0), i = 0;

    while (i < BUFFERS && is_added[index][i])
        i++;
    if (i == BUFFERS)
        return;
    for (unsigned j = 0; j < PIECES; j++)
        p[j] = (struct virtio_piece){memory, 1 + j};
    capacity[index][i] = 0;
    for (unsigned j = out; j < out + in; j++)
        capacity[index][i] += 1 + j;
    is_added[index][i] =
        virtqueue_add(queues[index].q, p, out, in, &is_added[index][i]);
}

static void look(unsigned index)
{
    uint32_t written;
    bool *token = virtqueue_used(queues[index].q, &written);

    if (!token)
        return;
    come_back(index, token);
    check(written <= capacity[index][token - is_added[index]]);
}

static void use(void)
{
    unsigned what = next_byte(), index = what % QUEUES;

    switch (what / 2 % 8) {
    case 0:
    case 1:
        add(index, next_byte());
        break;
    case 2:
        virtqueue_kick(queues[index].q);
        break;
    case 3:
    case 4:
        look(index);
        break;
    case 5:
        if (!virtqueue_enable(queues[index].q))
            look(index);
        break;
    case 6:
        if (!virtqueue_enable_late(queues[index].q))
            look(index);
        break;
    default:
        virtio_check(&device);
        (void)fiber_yield();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    begin_input(data, size);
    memset(queues, 0, sizeof queues);
    memset(is_added, 0, sizeof is_added);
    stops = 0;
    status_bits = 0;
    device = (struct virtio_device){.transport = &transport, .place = "fuzz"};
    if (virtio_start(&device, &driver, NULL) != OK) {
        check(!device.driver);
        return 0;
    }
    while (fuzz_left > 0) {
        if (device.is_running)
            use();
        else
            (void)time_sleep(MILLISECOND);
        if (next_byte() % 4 == 0)
            act();
    }
    virtio_broken(&device, "is not needed");
    while (stops == 0)
        (void)time_sleep(SECOND);
    (void)time_sleep(SECOND);
    check(stops == 1);
    return 0;
}
