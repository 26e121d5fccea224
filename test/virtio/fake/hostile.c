/* SPDX-License-Identifier: ISC */
/* A device behind models of registers that lies. */
#include "hostile.h"
#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <linux/virtio_ring.h>
#include <mirage/machine.h>
#include <mirage/macros.h>
#include <mirage/time.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <virtio/bus.h>

#define BASE  0xfeb00000u
#define WORD  "4K@0xfeb00000:5"
#define STORM 100
#define DELAY (100 * MICROSECOND) /* of interrupts */

struct hostile_count hostile_count[LIES_KINDS];

static struct hostile *now; /* the machine's device */

static struct virtio_device *found;

struct virtio_device *__wrap_virtio_devices(void);
void __wrap_bus_add(struct virtio_device *d);

struct virtio_device *__wrap_virtio_devices(void)
{
    return now ? now->device : NULL;
}

void __wrap_bus_add(struct virtio_device *d)
{
    found = d;
}

/* Decides about an act. At least half of those of a kind are lies. */
static bool lies(struct hostile *h, unsigned kind)
{
    unsigned n = (unsigned)__builtin_ctz(kind);
    struct hostile_count *c = &hostile_count[n];
    bool is_lie;

    if (!(h->kinds & kind) || h->accesses < h->lies_from)
        return false;
    is_lie = h->always || h->pick(8) < 5 || 2 * h->lies[n] < h->acts[n] + 1;
    h->acts[n]++;
    h->lies[n] += is_lie;
    c->acts++;
    c->lies += is_lie;
    c->row = is_lie ? c->row + 1 : 0;
    c->longest = max(c->longest, c->row);
    return is_lie;
}

static void raise(struct hostile *h, uint8_t bits)
{
    h->pending |= bits;
    wake_all(&h->has_pending);
}

static void interrupts(struct fake *f, uint8_t bits)
{
    raise(f->ctx, bits);
}

static void need_reset(struct hostile *h)
{
    h->fake->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
    raise(h, 2);
}

static void unplug(struct hostile *h)
{
    h->mmio.is_unplugged = h->pci.is_unplugged = true;
    h->fake->status = 0xff;
}

static void on_access(struct fake *f)
{
    struct hostile *h = f->ctx;

    h->accesses++;
    if (h->accesses == h->reset_at)
        need_reset(h);
    if (h->accesses == h->gone_at)
        unplug(h);
    if (h->accesses == h->features_at) {
        f->features &= UINT64_C(1) << VIRTIO_F_VERSION_1;
        need_reset(h);
    }
    if (h->kinds & LIES_RESETS && (h->always || h->pick(4) == 0) &&
        lies(h, LIES_RESETS))
        need_reset(h);
    if (lies(h, LIES_INTERRUPTS))
        raise(h, (uint8_t)(1 + h->pick(3)));
}

static uint32_t number(struct hostile *h)
{
    static const uint32_t odd[] = {0, 1, 2, 3, 7, 12, 255, 256,
                                   4095, 4096, 32767, 32768, 32769, 65535,
                                   0x7fffffff, 0xffffffff};

    return h->pick(2) ? odd[h->pick(sizeof odd / sizeof odd[0])]
                      : h->pick(65536) << h->pick(17);
}

/* A value that differs in the bits that the driver can see. */
static uint32_t another(struct hostile *h, uint32_t value, unsigned bits)
{
    uint32_t lie = h->pick(2) ? number(h) : value ^ 1u << h->pick(bits);
    uint32_t seen = ~0u >> (32 - bits);

    return (lie & seen) != (value & seen) ? lie : value ^ 1u << h->pick(bits);
}

static uint32_t says(struct fake *f, enum fake_field field, uint32_t value)
{
    static const struct {
        unsigned kind, bits;
    } fields[] = {
        [FAKE_STATUS] = {LIES_STATUS, 8},
        [FAKE_FEATURES] = {LIES_FEATURES, 32},
        [FAKE_QUEUE_SIZE] = {LIES_FEATURES, 16},
        [FAKE_CONFIG_FIELD] = {LIES_CONFIG, 8},
        [FAKE_GENERATION] = {LIES_CONFIG, 8},
        [FAKE_ISR] = {LIES_INTERRUPTS, 2},
        [FAKE_OTHER] = {LIES_FEATURES, 16},
    };
    struct hostile *h = f->ctx;

    if (h->changes && field == FAKE_GENERATION)
        return ++f->generation;
    return lies(h, fields[field].kind)
               ? another(h, value, fields[field].bits)
               : value;
}

static void lie_about(struct hostile *h, unsigned index,
                      const struct fake_buffer *b, uint32_t written)
{
    struct fake *f = h->fake;

    switch (h->used) {
    case USED_TWICE:
        fake_give_as(f, index, b->id, b->entries, written, 1);
        fake_give_as(f, index, b->id, b->entries, written, 1);
        break;
    case USED_NEVER_GIVEN:
        fake_give_as(f, index, f->queue[index].size, b->entries, written, 1);
        break;
    case USED_BEYOND:
        fake_give_as(f, index, b->id, b->entries, written,
                     (uint16_t)(f->queue[index].size + 1u));
        break;
    default:
        fake_give_as(f, index, b->id, b->entries, UINT32_MAX, 1);
    }
}

/* Spoils what a buffer ends or begins with: the status of a disk's request, or
 * the header of a frame. */
static void spoil(struct hostile *h, const struct fake_buffer *b)
{
    const struct fake_piece *p = &b->piece[b->out + (h->pick(2) ? b->in - 1
                                                                : 0)];

    p->data[h->pick(min(p->len, 12u))] ^= (uint8_t)(1 + h->pick(255));
}

static uint32_t capacity(const struct fake_buffer *b)
{
    uint32_t len = 0;

    for (unsigned i = b->out; i < b->out + b->in; i++)
        len += b->piece[i].len;
    return len;
}

static void lie_about_used(struct hostile *h, unsigned index,
                           const struct fake_buffer *b, uint32_t written)
{
    struct fake *f = h->fake;
    uint16_t entries = b->entries, size = f->queue[index].size;

    switch (h->pick(7)) {
    case 0: /* twice */
        fake_give_as(f, index, b->id, entries, written, 1);
        fake_give_as(f, index, b->id, entries, written, 1);
        break;
    case 1: /* another one, maybe one that it does not have */
        fake_give_as(f, index, (b->id + 1 + h->pick(size - 1u)) % max(size, 1u),
                     entries, written, 1);
        break;
    case 2:
        fake_give_as(f, index, another(h, b->id, 16), entries, written, 1);
        break;
    case 3: /* more than the buffer holds */
        fake_give_as(f, index, b->id, entries,
                     capacity(b) + 1 + h->pick(UINT16_MAX), 1);
        break;
    case 4: /* with others, or none */
        fake_give_as(f, index, b->id, (uint16_t)(entries + 1 + h->pick(3)),
                     written, (uint16_t)another(h, 1, 16));
        break;
    case 5: /* for another length */
        fake_give_as(f, index, b->id, entries, another(h, written, 12), 1);
        break;
    default: /* not at all */
        break;
    }
}

/* Gives a buffer back as no device may. */
static bool gives(struct fake *f, unsigned index, const struct fake_buffer *b,
                  uint32_t written)
{
    struct hostile *h = f->ctx;

    if (++h->given[index] == h->used_at && index == h->used_queue) {
        lie_about(h, index, b, written);
        return true;
    }
    if (b->in > 0 && lies(h, LIES_DATA))
        spoil(h, b);
    if (!lies(h, LIES_USED))
        return false;
    lie_about_used(h, index, b, written);
    return true;
}

static void call(struct interrupt *i)
{
    if (i)
        i->on_interrupt(i->ctx);
}

static void deliver(struct hostile *h)
{
    uint8_t bits = h->pending;

    h->pending = 0;
    if (bits == 0 || !h->device)
        return;
    h->mmio.isr |= bits;
    h->pci.isr |= bits;
    if (registers_pin)
        call(registers_pin);
    if (bits & 1)
        call(registers_message[1]);
    if (bits & 2)
        call(registers_message[0]);
}

static void write_byte(uint8_t *at, uint8_t value)
{
    __atomic_store_n(at, value, __ATOMIC_RELAXED);
}

/* Writes what an honest device would, of a buffer that it may not have. */
static void use_split(const struct fake_queue *q, uint32_t random)
{
    struct vring_used *used = (void *)(uintptr_t)q->device;
    uint16_t at = __atomic_load_n(&used->idx, __ATOMIC_RELAXED);

    used->ring[at % q->size].id = random % q->size;
    used->ring[at % q->size].len = random >> 16 & 63;
    __atomic_store_n(&used->idx, (uint16_t)(at + (random >> 31)),
                     __ATOMIC_RELEASE);
}

static void use_packed(const struct fake_queue *q, uint32_t random)
{
    struct vring_packed_desc *ring = (void *)(uintptr_t)q->descriptors;
    struct vring_packed_desc *at = &ring[random % q->size];

    at->id = (uint16_t)((random >> 8) % q->size);
    at->len = random >> 16 & 63;
    __atomic_store_n(&at->flags, random >> 31 ? 0x8080 : 0, __ATOMIC_RELEASE);
}

/* Writes what the device may of a queue's memory. */
static void scribble_ring(struct hostile *h, uint32_t random)
{
    struct fake_queue *q = &h->fake->queue[random % 3];
    bool is_packed = h->fake->accepted >> VIRTIO_F_RING_PACKED & 1;
    uint8_t *at = (void *)(uintptr_t)(is_packed ? q->descriptors : q->device);
    size_t len = is_packed ? q->size * sizeof(struct vring_packed_desc)
                           : 6 + q->size * sizeof(struct vring_used_elem);

    h->fake->is_deaf |= is_packed; /* it would follow what it wrote */
    if (random >> 4 & 31)
        (is_packed ? use_packed : use_split)(q, random);
    else
        write_byte(&at[(random >> 9) % len], (uint8_t)(random >> 2));
}

/* Is there a ring that it would write to? */
static bool has_ring(const struct hostile *h, uint32_t random)
{
    return h->fake->queue[random % 3].is_started;
}

void hostile_scribble(struct hostile *h, uint32_t random)
{
    struct fake *f = h->fake;
    unsigned what = random >> 20 & 63;

    pthread_mutex_lock(&fake_lock);
    if (h->scribbled & 1 && has_ring(h, random)) {
        scribble_ring(h, random);
        h->written[0]++;
    }
    if (h->scribbled & 2 && what < 4) {
        write_byte(&f->status, what == 0 ? (uint8_t)random
                                         : (uint8_t)(15 << what));
        h->written[1]++;
    }
    if (h->scribbled & 4 && what > 31) {
        write_byte(&f->config[random % 80], (uint8_t)(random >> 8));
        __atomic_fetch_add(&f->generation, what & 1, __ATOMIC_RELAXED);
        h->written[2]++;
    }
    pthread_mutex_unlock(&fake_lock);
}

void hostile_scribbles(struct hostile *h, unsigned kinds)
{
    pthread_mutex_lock(&fake_lock);
    h->scribbled = kinds;
    h->fake->is_lenient = true;
    h->fake->notified = NULL;
    if (kinds == 0)
        h->fake->status = 0;
    pthread_mutex_unlock(&fake_lock);
}

void hostile_interrupt(struct hostile *h)
{
    raise(h, 3);
}

static void tick(struct hostile *h)
{
    if (h->kinds & LIES_RINGS) {
        uint32_t random = h->pick(65536) << 16 | h->pick(65536);

        if (has_ring(h, random) && lies(h, LIES_RINGS))
            scribble_ring(h, random);
    }
    for (int i = 0; i < STORM && h->storms; i++) {
        h->pending = 3;
        deliver(h);
    }
    deliver(h);
}

/* The device's own fiber. A device is there until the next one. */
static void run(void *ctx)
{
    struct hostile *h = ctx;

    while (now == h) {
        bool is_busy = h->storms || h->kinds & LIES_RINGS;

        if (h->pending == 0 &&
            wait_until(&h->has_pending, is_busy ? time_after(DELAY)
                                                : FOREVER) == ERR_CANCELLED)
            return;
        if (time_sleep(DELAY) != OK)
            return;
        if (now == h)
            tick(h);
    }
}

void hostile_run(struct hostile *h)
{
    if (fiber_start(run, h) != OK)
        fake_fail("no fiber");
}

static void start_pci(struct hostile *h, enum hostile_way way, uint32_t type)
{
    pci_model_start(&h->pci, h->fake, BASE);
    h->pci.queues = 3;
    pci_model_set(&h->pci, PCI_DEVICE_ID, 2, 0x1040 + type);
    pci_model_set(&h->pci, PCI_INTERRUPT_LINE, 1, 11);
    pci_model_set(&h->pci, CAP_CONFIG + 12, 4, FAKE_CONFIG);
    if (way == HOSTILE_LINE)
        pci_model_set(&h->pci, CAP_MSIX, 1, 0);
    if (way == HOSTILE_LEGACY) {
        pci_model_set(&h->pci, PCI_DEVICE_ID, 2, 0x1000);
        pci_model_set(&h->pci, PCI_SUBSYSTEM_ID, 2, type);
        pci_model_set(&h->pci, CAP_COMMON + 3, 1, 0x77);
    }
}

void hostile_begin(struct hostile *h, struct fake *f, enum hostile_way way)
{
    uint32_t type = f->device.type;

    hostile_end();
    memset(h, 0, sizeof *h);
    h->fake = f;
    h->way = way;
    f->ctx = h;
    f->interrupts = interrupts;
    f->says = says;
    f->gives = gives;
    found = NULL;
    if (way == HOSTILE_MMIO) {
        mmio_model_start(&h->mmio, f, BASE, 4096);
        h->mmio.type = type;
        registers_words[0] = WORD;
        mmio_find();
    } else {
        start_pci(h, way, type);
        pci_find();
    }
    h->device = found;
    f->on_access = on_access;
    now = h;
}

void hostile_end(void)
{
    if (now)
        wake_all(&now->has_pending);
    now = NULL;
    pci_model_remove();
    registers_clear();
}
