/* SPDX-License-Identifier: ISC */
/* The registers of virtio-mmio, version 2 (virtio 1.2, 4.2.2). */
#include "mmio_model.h"
#include <linux/virtio_mmio.h>
#include <string.h>

static void note_width(struct mmio_model *m, uint64_t offset, unsigned width)
{
    if (offset % width != 0)
        fake_fail("%u bytes of the configuration at %lu", width,
                  (unsigned long)offset);
    m->widths |= width;
}

static uint32_t read_config(struct fake *f, uint64_t offset, unsigned width)
{
    uint32_t value = 0;

    (void)f->device.transport->read_config(&f->device, offset, &value, width);
    return fake_says(f, FAKE_CONFIG_FIELD, value);
}

static uint32_t read(void *ctx, uint64_t offset, unsigned width)
{
    struct mmio_model *m = ctx;
    struct fake *f = m->fake;

    fake_access(f);
    if (m->is_unplugged)
        return ~0u >> (32 - 8 * width);
    if (m->type == 0 && offset != VIRTIO_MMIO_MAGIC_VALUE &&
        offset != VIRTIO_MMIO_VERSION && offset != VIRTIO_MMIO_DEVICE_ID)
        fake_fail("register %#lx of a device 0 is read",
                  (unsigned long)offset);
    if (offset >= VIRTIO_MMIO_CONFIG) {
        note_width(m, offset, width);
        return read_config(f, offset - VIRTIO_MMIO_CONFIG, width);
    }
    if (width != 4 || offset % 4)
        fake_fail("a read of %u bytes at %#lx", width, (unsigned long)offset);
    switch (offset) {
    case VIRTIO_MMIO_MAGIC_VALUE:
        return m->magic;
    case VIRTIO_MMIO_VERSION:
        return m->version;
    case VIRTIO_MMIO_DEVICE_ID:
        return m->type;
    case VIRTIO_MMIO_DEVICE_FEATURES:
        return fake_says(f, FAKE_FEATURES,
                         (uint32_t)(f->features >> 32 * (m->features_sel & 1)));
    case VIRTIO_MMIO_QUEUE_NUM_MAX:
        return fake_says(f, FAKE_QUEUE_SIZE,
                         m->queue_sel < FAKE_QUEUES ? m->queue_most : 0);
    case VIRTIO_MMIO_QUEUE_READY:
        return fake_says(f, FAKE_OTHER,
                         m->queue_sel < FAKE_QUEUES && !m->never_ready &&
                             f->queue[m->queue_sel].is_started);
    case VIRTIO_MMIO_INTERRUPT_STATUS:
        return fake_says(f, FAKE_ISR, m->isr);
    case VIRTIO_MMIO_STATUS:
        return fake_says(f, FAKE_STATUS, f->status);
    case VIRTIO_MMIO_CONFIG_GENERATION:
        return fake_says(f, FAKE_GENERATION, f->generation);
    default:
        fake_fail("a read of register %#lx", (unsigned long)offset);
    }
}

static void set_half(uint64_t *whole, unsigned half, uint32_t value)
{
    *whole = (*whole & ~((uint64_t)UINT32_MAX << 32 * half)) |
             (uint64_t)value << 32 * half;
}

static void write(void *ctx, uint64_t offset, unsigned width, uint32_t value)
{
    struct mmio_model *m = ctx;
    struct virtio_device *d = &m->fake->device;

    fake_access(m->fake);
    if (m->is_unplugged)
        return;
    if (m->type == 0)
        fake_fail("a device 0 is written to");
    if (offset >= VIRTIO_MMIO_CONFIG) {
        note_width(m, offset, width);
        d->transport->write_config(d, offset - VIRTIO_MMIO_CONFIG, &value,
                                   width);
        return;
    }
    if (width != 4 || offset % 4)
        fake_fail("a write of %u bytes at %#lx", width, (unsigned long)offset);
    switch (offset) {
    case VIRTIO_MMIO_DEVICE_FEATURES_SEL:
        m->features_sel = value;
        break;
    case VIRTIO_MMIO_DRIVER_FEATURES_SEL:
        m->accept_sel = value;
        break;
    case VIRTIO_MMIO_DRIVER_FEATURES:
        set_half(&m->accepted, m->accept_sel & 1, value);
        if (m->accept_sel == 1)
            d->transport->accept(d, m->accepted);
        break;
    case VIRTIO_MMIO_QUEUE_SEL:
        m->queue_sel = value;
        break;
    case VIRTIO_MMIO_QUEUE_NUM:
        m->size = value;
        break;
    case VIRTIO_MMIO_QUEUE_DESC_LOW:
    case VIRTIO_MMIO_QUEUE_DESC_HIGH:
    case VIRTIO_MMIO_QUEUE_AVAIL_LOW:
    case VIRTIO_MMIO_QUEUE_AVAIL_HIGH:
    case VIRTIO_MMIO_QUEUE_USED_LOW:
    case VIRTIO_MMIO_QUEUE_USED_HIGH:
        set_half(&m->ring[(offset - VIRTIO_MMIO_QUEUE_DESC_LOW) / 16],
                 offset / 4 % 2, value);
        break;
    case VIRTIO_MMIO_QUEUE_READY:
        if (value != 1 || m->queue_sel >= FAKE_QUEUES)
            fake_fail("queue %u is ready: %u", m->queue_sel, value);
        (void)d->transport->queue_start(d, m->queue_sel, (uint16_t)m->size,
                                        m->ring[0], m->ring[1], m->ring[2]);
        break;
    case VIRTIO_MMIO_QUEUE_NOTIFY:
        d->transport->notify(d, value & 0xffff, value);
        break;
    case VIRTIO_MMIO_INTERRUPT_ACK:
        if (value & ~(m->isr & 3))
            fake_blame(m->fake, "an interrupt is acknowledged that was not");
        if (!m->is_interrupt_stuck)
            m->isr &= ~value;
        break;
    case VIRTIO_MMIO_STATUS:
        d->transport->set_status(d, (uint8_t)value);
        break;
    default:
        fake_fail("a write of register %#lx", (unsigned long)offset);
    }
}

void mmio_model_start(struct mmio_model *m, struct fake *f, uint64_t base,
                      uint64_t size)
{
    memset(m, 0, sizeof *m);
    m->registers = (struct registers){
        .base = base, .size = size, .read = read, .write = write, .ctx = m};
    m->fake = f;
    m->magic = 0x74726976;
    m->version = 2;
    m->type = 4;
    m->queue_most = f->queue_size;
    registers_there = &m->registers;
}
