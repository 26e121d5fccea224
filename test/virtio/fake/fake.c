/* SPDX-License-Identifier: ISC */
/* The fake device: its registers, and the device's side of the rings. */
#include "fake.h"
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <mirage/buf.h>
#include <mirage/macros.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HAS(f, bit) ((f)->accepted >> (bit)&1)

void fake_fail(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    printf("\n");
    fflush(stdout);
    _exit(1);
}

/* The linker gives us the calls of the driver's (Makefile). */
void *__real_page_alloc(size_t count);
void *__wrap_page_alloc(size_t count);
void __real_page_free(void *pages, size_t count);
void __wrap_page_free(void *pages, size_t count);

unsigned fake_pages;
bool fake_no_pages, fake_low_pages;
void *(*fake_view)(uint64_t address);
pthread_mutex_t fake_lock = PTHREAD_MUTEX_INITIALIZER;

/* Pages of 32 bits, for legacy devices. */
static void *map_low(size_t count)
{
    void *at = mmap(NULL, count * PAGE_BYTES, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

    return at == MAP_FAILED ? NULL : at;
}

void *__wrap_page_alloc(size_t count)
{
    void *pages = fake_no_pages    ? NULL
                  : fake_low_pages ? map_low(count)
                                   : __real_page_alloc(count);

    if (pages)
        fake_pages += (unsigned)count;
    return pages;
}

void __wrap_page_free(void *pages, size_t count)
{
    fake_pages -= (unsigned)count;
    if (fake_low_pages)
        munmap(pages, count * PAGE_BYTES);
    else
        __real_page_free(pages, count);
}

struct fake *fake_of(struct virtio_device *d)
{
    return containing(d, struct fake, device);
}

void fake_access(struct fake *f)
{
    if (f->on_access)
        f->on_access(f);
}

uint32_t fake_says(struct fake *f, enum fake_field field, uint32_t value)
{
    return f->says ? f->says(f, field, value) : value;
}

static uint64_t features(struct virtio_device *d)
{
    return fake_of(d)->features;
}

static void accept(struct virtio_device *d, uint64_t accepted)
{
    struct fake *f = fake_of(d);

    if (f->status & VIRTIO_CONFIG_S_FEATURES_OK)
        fake_blame(f, "features are accepted after FEATURES_OK");
    if (accepted & ~f->features)
        fake_blame(f, "features are accepted that were not offered");
    f->accepted = accepted;
}

static uint8_t status(struct virtio_device *d)
{
    return fake_of(d)->status;
}

static void reset(struct fake *f)
{
    f->resets++;
    if (f->never_resets)
        return;
    f->status = 0;
    f->accepted = 0;
    f->isr = 0;
    f->is_deaf = false;
    for (unsigned i = 0; i < FAKE_QUEUES; i++)
        f->queue[i] = (struct fake_queue){.wrap = true, .used_wrap = true};
}

static void set_status(struct virtio_device *d, uint8_t to)
{
    struct fake *f = fake_of(d);

    if (f->status == 0xff && !f->is_lenient)
        return; /* it was unplugged */
    pthread_mutex_lock(&fake_lock);
    if (to == 0) {
        reset(f);
    } else {
        if (f->status & ~to & ~VIRTIO_CONFIG_S_NEEDS_RESET)
            fake_blame(f, "status %#x: a bit of %#x is cleared", to, f->status);
        f->status |= to;
        if (f->clears_features_ok)
            f->status &= (uint8_t)~VIRTIO_CONFIG_S_FEATURES_OK;
    }
    pthread_mutex_unlock(&fake_lock);
    if (f->on_status)
        f->on_status(f, to);
}

static bool read_config(struct virtio_device *d, size_t offset, void *data,
                        size_t len)
{
    struct fake *f = fake_of(d);

    if (offset > FAKE_CONFIG || len > FAKE_CONFIG - offset)
        fake_fail("the configuration is read from %zu to %zu", offset,
                  offset + len);
    memset(data, 0, len);
    if (f->config_size != 0 && offset + len > f->config_size)
        return false;
    memcpy(data, f->config + offset, len);
    for (size_t i = 0; i < len; i++)
        f->is_read[offset + i] = true;
    if (f->on_config)
        f->on_config(f);
    return true;
}

static void write_config(struct virtio_device *d, size_t offset,
                         const void *data, size_t len)
{
    struct fake *f = fake_of(d);

    if (offset > FAKE_CONFIG || len > FAKE_CONFIG - offset)
        fake_fail("the configuration is written from %zu to %zu", offset,
                  offset + len);
    if (!(f->status & VIRTIO_CONFIG_S_FEATURES_OK) && !d->is_legacy &&
        f->status != 0)
        fake_blame(f, "the configuration is written before FEATURES_OK");
    memcpy(f->config + offset, data, len);
    if (f->written)
        f->written(f, offset, len);
}

static uint32_t generation(struct virtio_device *d)
{
    return d->is_legacy ? 0 : fake_of(d)->generation;
}

static uint16_t queue_size(struct virtio_device *d, unsigned index)
{
    return index < FAKE_QUEUES ? fake_of(d)->queue_size : 0;
}

static void check_legacy(uint16_t size, uint64_t descriptors, uint64_t driver,
                         uint64_t device)
{
    struct vring ring;

    vring_init(&ring, size, (void *)(uintptr_t)descriptors, 4096);
    if (descriptors % 4096 || driver != (uintptr_t)ring.avail ||
        device != (uintptr_t)ring.used)
        fake_fail("a legacy queue's rings lie elsewhere");
}

static bool queue_start(struct virtio_device *d, unsigned index, uint16_t size,
                        uint64_t descriptors, uint64_t driver, uint64_t device)
{
    struct fake *f = fake_of(d);
    struct fake_queue *q = &f->queue[index];

    if (f->refuses_queues)
        return false;
    if (f->status & VIRTIO_CONFIG_S_DRIVER_OK)
        fake_blame(f, "queue %u is started after DRIVER_OK", index);
    if (size == 0 || size > f->queue_size ||
        (!HAS(f, VIRTIO_F_RING_PACKED) && (size & (size - 1))))
        fake_blame(f, "queue %u is started with a size of %u", index, size);
    if (descriptors % 16 || driver % 2 || device % 4)
        fake_fail("queue %u is not aligned", index);
    if (d->is_legacy)
        check_legacy(size, descriptors, driver, device);
    pthread_mutex_lock(&fake_lock);
    *q = (struct fake_queue){.is_started = true,
                             .size = size,
                             .descriptors = descriptors,
                             .driver = driver,
                             .device = device,
                             .wrap = true,
                             .used_wrap = true};
    pthread_mutex_unlock(&fake_lock);
    return true;
}

static void notify(struct virtio_device *d, unsigned index, uint32_t data)
{
    struct fake *f = fake_of(d);

    if (f->status == 0xff)
        return;
    if (!(f->status & VIRTIO_CONFIG_S_DRIVER_OK) || data != index ||
        !f->queue[index].is_started) {
        fake_blame(f, "queue %u is notified of %u, in status %#x", index, data,
                   f->status);
        return;
    }
    f->queue[index].notified++;
    if (f->notified)
        f->notified(f, index);
}

static uint8_t cause(struct virtio_device *d)
{
    struct fake *f = fake_of(d);
    uint8_t isr = f->isr;

    f->isr = 0;
    return f->status == 0xff ? 0xff : isr;
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

struct fake *fake_new(uint64_t offered, bool is_legacy)
{
    struct fake *f = calloc(1, sizeof *f);

    f->features = offered | (is_legacy ? 0 : 1ull << VIRTIO_F_VERSION_1);
    f->device.transport = &transport;
    f->device.is_legacy = is_legacy;
    snprintf(f->device.place, sizeof f->device.place, "fake");
    f->queue_size = 256;
    return f;
}

void fake_free(struct fake *f)
{
    free(f);
}

static void *at(uint64_t address)
{
    return fake_view ? fake_view(address) : (void *)(uintptr_t)address;
}

static struct fake_queue *started(struct fake *f, unsigned index)
{
    struct fake_queue *q = &f->queue[index];

    if (!q->is_started)
        fake_fail("queue %u is not started", index);
    return q;
}

static void add_piece(struct fake_buffer *b, uint64_t address, uint32_t len,
                      bool is_in)
{
    if (len == 0)
        fake_fail("a descriptor of no bytes");
    if (b->out + b->in >= FAKE_PIECES)
        fake_fail("a chain of more than %u descriptors", FAKE_PIECES);
    if (!is_in && b->in > 0)
        fake_fail("what is read stands after what is written");
    b->bytes += len;
    if (b->bytes > UINT32_MAX)
        fake_fail("a chain of more than 4 GiB");
    b->piece[b->out + b->in] = (struct fake_piece){at(address), len};
    is_in ? b->in++ : b->out++;
}

/* A chain, in the ring or in an indirect table. */
static unsigned follow_chain(struct fake *f, struct fake_queue *q,
                             struct fake_buffer *b,
                             const struct vring_desc *table, uint32_t size,
                             uint16_t from)
{
    unsigned count = 0;

    for (;;) {
        const struct vring_desc *d = &table[from];

        if (from >= size || ++count > q->size)
            fake_fail("a chain leaves its table, or has no end");
        if (d->flags & VRING_DESC_F_INDIRECT) {
            if (!HAS(f, VIRTIO_RING_F_INDIRECT_DESC) || count > 1 ||
                d->flags != VRING_DESC_F_INDIRECT || d->len % sizeof *d != 0 ||
                table != at(q->descriptors))
                fake_fail("an indirect table stands where it may not");
            (void)follow_chain(f, q, b, at(d->addr),
                               d->len / (uint32_t)sizeof *d, 0);
            return 1;
        }
        add_piece(b, d->addr, d->len, d->flags & VRING_DESC_F_WRITE);
        if (!(d->flags & VRING_DESC_F_NEXT))
            return count;
        from = d->next;
    }
}

static bool take_split(struct fake *f, struct fake_queue *q,
                       struct fake_buffer *b)
{
    struct vring_avail *avail = at(q->driver);
    uint16_t index = __atomic_load_n(&avail->idx, __ATOMIC_ACQUIRE);

    if ((uint16_t)(index - q->next) > q->size) {
        fake_blame(f, "more buffers are available than the queue has entries");
        return false;
    }
    if (HAS(f, VIRTIO_RING_F_EVENT_IDX) && avail->flags != 0)
        fake_fail("flags are used beside event indices");
    if (index == q->next)
        return false;
    b->id = avail->ring[q->next++ % q->size];
    b->entries = (uint16_t)follow_chain(f, q, b, at(q->descriptors), q->size,
                                        b->id);
    return true;
}

enum { PACKED_AVAIL = 1 << 7,
       PACKED_USED = 1 << 15 };

static void packed_indirect(struct fake *f, struct fake_buffer *b,
                            const struct vring_packed_desc *d)
{
    const struct vring_packed_desc *table = at(d->addr);

    if (!HAS(f, VIRTIO_RING_F_INDIRECT_DESC) || d->len % sizeof *d != 0 ||
        (d->flags & VRING_DESC_F_NEXT))
        fake_fail("an indirect table stands where it may not");
    for (uint32_t i = 0; i < d->len / sizeof *d; i++) {
        if (table[i].flags & ~VRING_DESC_F_WRITE)
            fake_fail("flags %#x in a table", table[i].flags);
        add_piece(b, table[i].addr, table[i].len, table[i].flags != 0);
    }
}

static void packed_step(const struct fake_queue *q, uint16_t *position,
                        bool *wrap, unsigned count)
{
    *position = (uint16_t)(*position + count);
    if (*position >= q->size) {
        *position = (uint16_t)(*position - q->size);
        *wrap = !*wrap;
    }
}

static bool is_available(const struct fake_queue *q, uint16_t flags)
{
    return !!(flags & PACKED_AVAIL) == q->wrap &&
           !!(flags & PACKED_USED) != q->wrap;
}

static bool take_packed(struct fake *f, struct fake_queue *q,
                        struct fake_buffer *b)
{
    struct vring_packed_desc *ring = at(q->descriptors);
    bool goes_on = true;

    if (!is_available(q, __atomic_load_n(&ring[q->next].flags,
                                         __ATOMIC_ACQUIRE)))
        return false;
    while (goes_on) {
        const struct vring_packed_desc *d = &ring[q->next];

        /* A device that gives back what it does not have overwrites them. */
        if (!is_available(q, d->flags) || b->entries == q->size) {
            fake_blame(f, "a chain goes on where nothing is available");
            return false;
        }
        if (d->flags & VRING_DESC_F_INDIRECT)
            packed_indirect(f, b, d);
        else
            add_piece(b, d->addr, d->len, d->flags & VRING_DESC_F_WRITE);
        goes_on = d->flags & VRING_DESC_F_NEXT;
        b->id = d->id;
        b->entries++;
        packed_step(q, &q->next, &q->wrap, 1);
    }
    return true;
}

/* Asks to be notified of what comes next. */
static void ask(struct fake *f, struct fake_queue *q)
{
    bool has_events = HAS(f, VIRTIO_RING_F_EVENT_IDX);

    if (HAS(f, VIRTIO_F_RING_PACKED)) {
        struct vring_packed_desc_event *e = at(q->device);

        e->off_wrap = (uint16_t)(q->next | q->wrap << 15);
        e->flags = f->ignores_notify ? VRING_PACKED_EVENT_FLAG_DISABLE
                   : has_events      ? VRING_PACKED_EVENT_FLAG_DESC
                                     : VRING_PACKED_EVENT_FLAG_ENABLE;
    } else {
        struct vring_used *used = at(q->device);

        if (has_events) {
            uint16_t event = (uint16_t)(q->next - (f->ignores_notify ? 1 : 0));

            memcpy(&used->ring[q->size], &event, sizeof event);
        } else {
            used->flags = f->ignores_notify ? VRING_USED_F_NO_NOTIFY : 0;
        }
    }
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

bool fake_take(struct fake *f, unsigned index, struct fake_buffer *b)
{
    struct fake_queue *q = started(f, index);
    bool is_taken;

    if (f->is_deaf)
        return false;
    b->id = b->entries = 0;
    b->out = b->in = 0;
    b->bytes = 0;
    is_taken = HAS(f, VIRTIO_F_RING_PACKED) ? take_packed(f, q, b)
                                            : take_split(f, q, b);
    ask(f, q);
    return is_taken;
}

static bool asks_split(struct fake *f, const struct fake_queue *q,
                       uint16_t before)
{
    const struct vring_avail *avail = at(q->driver);

    if (HAS(f, VIRTIO_RING_F_EVENT_IDX))
        return (uint16_t)(q->used - avail->ring[q->size] - 1) <
               (uint16_t)(q->used - before);
    return !(avail->flags & VRING_AVAIL_F_NO_INTERRUPT);
}

/* Whether position `off` of the event is among the `count` before q->used. */
static bool asks_packed(struct fake *f, const struct fake_queue *q,
                        uint16_t before, bool wrap_before, unsigned count)
{
    const struct vring_packed_desc_event *e = at(q->driver);
    uint16_t position = before;
    bool wrap = wrap_before;

    if (e->flags != VRING_PACKED_EVENT_FLAG_DESC)
        return e->flags == VRING_PACKED_EVENT_FLAG_ENABLE;
    if (!HAS(f, VIRTIO_RING_F_EVENT_IDX))
        fake_fail("an event's position without EVENT_IDX");
    for (unsigned i = 0; i < count; i++) {
        if (e->off_wrap == (uint16_t)(position | wrap << 15))
            return true;
        packed_step(q, &position, &wrap, 1);
    }
    return false;
}

static void interrupt(struct fake *f, unsigned index)
{
    f->queue[index].interrupted++;
    if (f->interrupts) {
        f->interrupts(f, 1);
    } else if (f->device.has_msix) {
        virtio_queue_interrupt(&f->device, index);
    } else {
        f->isr |= 1;
        virtio_interrupt(&f->device);
    }
}

void fake_give_as(struct fake *f, unsigned index, uint32_t id,
                  uint16_t entries, uint32_t written, uint16_t by)
{
    struct fake_queue *q = started(f, index);
    uint16_t before = q->used;
    bool wrap_before = q->used_wrap, asks;

    if (HAS(f, VIRTIO_F_RING_PACKED)) {
        struct vring_packed_desc *ring = at(q->descriptors);

        ring[before].id = (uint16_t)id;
        ring[before].len = written;
        __atomic_store_n(&ring[before].flags,
                         q->used_wrap ? PACKED_AVAIL | PACKED_USED : 0,
                         __ATOMIC_RELEASE);
        packed_step(q, &q->used, &q->used_wrap, entries);
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        asks = asks_packed(f, q, before, wrap_before, entries);
    } else {
        struct vring_used *used = at(q->device);

        used->ring[before % q->size].id = id;
        used->ring[before % q->size].len = written;
        q->used = (uint16_t)(q->used + by);
        __atomic_store_n(&used->idx, q->used, __ATOMIC_RELEASE);
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        asks = asks_split(f, q, before);
    }
    if (asks)
        interrupt(f, index);
}

void fake_give(struct fake *f, unsigned index, const struct fake_buffer *b,
               uint32_t written)
{
    if (!f->gives || !f->gives(f, index, b, written))
        fake_give_as(f, index, b->id, b->entries, written, 1);
}

static void interrupt_config(struct fake *f)
{
    if (f->interrupts) {
        f->interrupts(f, 2);
    } else if (f->device.has_msix) {
        virtio_config_interrupt(&f->device);
    } else {
        f->isr |= 2;
        virtio_interrupt(&f->device);
    }
}

void fake_need_reset(struct fake *f)
{
    f->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
    if (f->status & VIRTIO_CONFIG_S_DRIVER_OK)
        interrupt_config(f);
}

void fake_change_config(struct fake *f)
{
    f->generation++;
    interrupt_config(f);
}

uint8_t *fake_rings(struct fake *f, unsigned index, size_t *len)
{
    struct fake_queue *q = started(f, index);

    *len = HAS(f, VIRTIO_F_RING_PACKED)
               ? q->size * sizeof(struct vring_packed_desc) + 8
               : q->device + sizeof(struct vring_used) +
                     q->size * sizeof(struct vring_used_elem) + 2 -
                     q->descriptors;
    return at(q->descriptors);
}
