/* SPDX-License-Identifier: ISC */
/* The configuration space, the modern registers and the legacy ports of a
 * virtio device on PCI (virtio 1.2, 4.1). */
#include "pci_model.h"
#include <linux/pci_regs.h>
#include <linux/virtio_pci.h>
#include <linux/virtio_ring.h>
#include <pc/pci.h>
#include <virtio/acpi.h>
#include <string.h>

static struct pci_model *there;

static uint32_t get(const struct pci_model *m, unsigned offset)
{
    uint32_t value;

    memcpy(&value, m->space + offset, 4);
    return value;
}

void pci_model_set(struct pci_model *m, unsigned offset, unsigned width,
                   uint32_t value)
{
    memcpy(m->space + offset, &value, width);
}

bool pci_exists(void)
{
    return there != NULL && !there->has_no_ports;
}

void pci_use_memory(uintptr_t at)
{
    if (!there || !there->has_no_ports || at != registers_pci.space)
        fake_fail("the configuration space is not in memory");
}

/* A function that is no virtio device: a bridge, or the first of a slot. */
static uint32_t read_other(pci_function f, unsigned offset)
{
    bool is_bridge = there->bridge && f == there->bridge;
    bool is_first = f == (there->function & ~7u) && f != there->function;

    if (!is_bridge && !is_first)
        return ~0u;
    switch (offset) {
    case PCI_VENDOR_ID:
        return 0x00011b36;
    case PCI_HEADER_TYPE & ~3u:
        return is_bridge                 ? PCI_HEADER_TYPE_BRIDGE << 16
               : there->is_multifunction ? 0x80u << 16
                                         : 0;
    case PCI_PRIMARY_BUS:
        return there->bus_behind << 8;
    default:
        return 0;
    }
}

uint32_t pci_read(pci_function f, unsigned offset)
{
    if (offset % 4 || offset >= 256)
        fake_fail("offset %u of the configuration space is read", offset);
    if (!there || there->is_unplugged)
        return ~0u;
    return f == there->function ? get(there, offset) : read_other(f, offset);
}

void pci_write(pci_function f, unsigned offset, uint32_t value)
{
    unsigned bar = PCI_BASE_ADDRESS_0 + 4 * MODEL_BAR;

    if (offset % 4 || offset >= 256)
        fake_fail("offset %u of the configuration space is written", offset);
    if (!there || f != there->function || there->is_unplugged)
        return;
    if (offset == PCI_COMMAND) {
        pci_model_set(there, PCI_COMMAND, 2, value);
        there->registers.is_off = !(value & PCI_COMMAND_MEMORY);
    } else if (offset == bar || offset == bar + 4) {
        if (get(there, PCI_COMMAND) & PCI_COMMAND_MEMORY)
            fake_fail("a BAR is written while it decodes");
        if (value == ~0u)
            value = offset == bar ? (uint32_t)there->bar_mask | 4
                                  : (uint32_t)(there->bar_mask >> 32);
        pci_model_set(there, offset, 4, value);
    } else if (offset == PCI_BASE_ADDRESS_2) {
        pci_model_set(there, offset, 4, value & (uint32_t)there->bar_mask);
    } else if (offset == CAP_MSIX) {
        pci_model_set(there, offset + 2, 2,
                      (value >> 16 & 0xc000) |
                          (get(there, CAP_MSIX) >> 16 & 0x7ff));
    } else {
        fake_fail("offset %u of the configuration space is written", offset);
    }
}

static uint32_t read_config(struct pci_model *m, uint64_t offset,
                            unsigned width)
{
    uint32_t value = 0;

    (void)m->fake->device.transport->read_config(&m->fake->device, offset,
                                                 &value, width);
    return fake_says(m->fake, FAKE_CONFIG_FIELD, value);
}

static unsigned width_of(unsigned offset)
{
    return offset < 16 || offset >= 32 ? 4 : offset == 20 || offset == 21 ? 1
                                                                          : 2;
}

static void note_width(struct pci_model *m, uint64_t offset, unsigned width)
{
    if (offset % width != 0)
        fake_fail("%u bytes of the configuration at %lu", width,
                  (unsigned long)offset);
    m->widths |= width;
}

static uint32_t read_common(struct pci_model *m, unsigned offset)
{
    bool exists = m->queue_sel < m->queues && m->queue_sel < FAKE_QUEUES;

    switch (offset) {
    case VIRTIO_PCI_COMMON_DF:
        return fake_says(
            m->fake, FAKE_FEATURES,
            (uint32_t)(m->fake->features >> 32 * (m->features_sel & 1)));
    case VIRTIO_PCI_COMMON_MSIX:
        return fake_says(m->fake, FAKE_OTHER,
                         m->refuses_vectors ? 0xffff : m->vector);
    case VIRTIO_PCI_COMMON_NUMQ:
        return m->queues;
    case VIRTIO_PCI_COMMON_STATUS:
        return fake_says(m->fake, FAKE_STATUS, m->fake->status);
    case VIRTIO_PCI_COMMON_CFGGENERATION:
        return fake_says(m->fake, FAKE_GENERATION, m->fake->generation) & 0xff;
    case VIRTIO_PCI_COMMON_Q_SIZE:
        return fake_says(m->fake, FAKE_QUEUE_SIZE,
                         exists ? m->queue_most : 0);
    case VIRTIO_PCI_COMMON_Q_MSIX:
        return fake_says(m->fake, FAKE_OTHER, m->queue_vector);
    case VIRTIO_PCI_COMMON_Q_ENABLE:
        return fake_says(m->fake, FAKE_OTHER,
                         exists && !m->never_enabled &&
                             m->fake->queue[m->queue_sel].is_started);
    case VIRTIO_PCI_COMMON_Q_NOFF:
        return fake_says(m->fake, FAKE_OTHER, m->notify_offset);
    default:
        fake_fail("register %u is read", offset);
    }
}

static uint32_t read(void *ctx, uint64_t offset, unsigned width)
{
    struct pci_model *m = ctx;
    uint8_t isr = m->isr;

    fake_access(m->fake);
    if (m->is_unplugged)
        return ~0u >> (32 - 8 * width);
    if (offset == MODEL_ISR && width == 1) {
        m->isr = 0;
        m->isr_reads++;
        return fake_says(m->fake, FAKE_ISR, isr);
    }
    if (offset >= MODEL_CONFIG && offset < MODEL_CONFIG + FAKE_CONFIG) {
        note_width(m, offset, width);
        return read_config(m, offset - MODEL_CONFIG, width);
    }
    if (offset >= 56 || width != width_of((unsigned)offset))
        fake_fail("%u bytes at %#lx are read", width, (unsigned long)offset);
    return read_common(m, (unsigned)offset);
}

static void set_half(uint64_t *whole, unsigned half, uint32_t value)
{
    *whole = (*whole & ~((uint64_t)UINT32_MAX << 32 * half)) |
             (uint64_t)value << 32 * half;
}

static void write_common(struct pci_model *m, unsigned offset, uint32_t value)
{
    struct virtio_device *d = &m->fake->device;

    switch (offset) {
    case VIRTIO_PCI_COMMON_DFSELECT:
        m->features_sel = value;
        break;
    case VIRTIO_PCI_COMMON_GFSELECT:
        m->accept_sel = value;
        break;
    case VIRTIO_PCI_COMMON_GF:
        set_half(&m->accepted, m->accept_sel & 1, value);
        if (m->accept_sel == 1)
            d->transport->accept(d, m->accepted);
        break;
    case VIRTIO_PCI_COMMON_MSIX:
        m->vector = (uint16_t)value;
        break;
    case VIRTIO_PCI_COMMON_STATUS:
        d->transport->set_status(d, (uint8_t)value);
        break;
    case VIRTIO_PCI_COMMON_Q_SELECT:
        m->queue_sel = (uint16_t)value;
        memset(m->ring, 0, sizeof m->ring);
        break;
    case VIRTIO_PCI_COMMON_Q_SIZE:
        m->size = (uint16_t)value;
        break;
    case VIRTIO_PCI_COMMON_Q_MSIX:
        m->queue_vector = m->refuses_vectors ? 0xffff : (uint16_t)value;
        break;
    case VIRTIO_PCI_COMMON_Q_ENABLE:
        if (value != 1 || m->queue_sel >= m->queues || m->ring[0] == 0 ||
            m->ring[1] == 0 || m->ring[2] == 0)
            fake_fail("queue %u is enabled: %u", m->queue_sel, value);
        (void)d->transport->queue_start(d, m->queue_sel, m->size, m->ring[0],
                                        m->ring[1], m->ring[2]);
        break;
    default:
        if (offset < VIRTIO_PCI_COMMON_Q_DESCLO ||
            m->queue_sel >= FAKE_QUEUES ||
            m->fake->queue[m->queue_sel].is_started)
            fake_fail("register %u is written", offset);
        set_half(&m->ring[(offset - VIRTIO_PCI_COMMON_Q_DESCLO) / 8],
                 offset / 4 % 2, value);
    }
}

static void write(void *ctx, uint64_t offset, unsigned width, uint32_t value)
{
    struct pci_model *m = ctx;
    struct virtio_device *d = &m->fake->device;

    fake_access(m->fake);
    if (m->is_unplugged)
        return;
    if (offset < 56 && width == width_of((unsigned)offset))
        write_common(m, (unsigned)offset, value);
    else if (offset >= MODEL_CONFIG && offset < MODEL_CONFIG + FAKE_CONFIG)
        note_width(m, offset, width),
            d->transport->write_config(d, offset - MODEL_CONFIG, &value,
                                       width);
    else if (width == 2 && offset >= MODEL_NOTIFY &&
             offset < MODEL_NOTIFY + 64 &&
             (m->fake->is_lenient ||
              offset == MODEL_NOTIFY + 4u * m->notify_offset))
        d->transport->notify(d, value, value);
    else if (offset >= MODEL_TABLE && width == 4 &&
             offset < MODEL_TABLE + sizeof m->table)
        m->table[(offset - MODEL_TABLE) / 4] = value;
    else
        fake_fail("%u bytes at %#lx are written", width,
                  (unsigned long)offset);
}

static unsigned port_offset(uint16_t port, unsigned width)
{
    unsigned offset = (unsigned)port - MODEL_PORT;

    if (!there || port < MODEL_PORT || offset + width > 512 ||
        !(get(there, PCI_COMMAND) & PCI_COMMAND_IO))
        fake_fail("nothing is at port %#x", port);
    return offset;
}

static unsigned config_offset(void)
{
    return get(there, CAP_MSIX) >> 16 & PCI_MSIX_FLAGS_ENABLE ? 24 : 20;
}

uint32_t port_read(uint16_t port, unsigned width)
{
    unsigned offset = port_offset(port, width);
    struct pci_model *m = there;
    uint8_t isr;

    fake_access(m->fake);
    if (m->is_unplugged)
        return ~0u >> (32 - 8 * width);
    if (offset >= config_offset())
        return read_config(m, offset - config_offset(), width);
    switch (offset) {
    case VIRTIO_PCI_HOST_FEATURES:
        return fake_says(m->fake, FAKE_FEATURES, (uint32_t)m->fake->features);
    case VIRTIO_PCI_QUEUE_PFN:
        return m->queue_sel < FAKE_QUEUES && !m->never_enabled
                   ? (uint32_t)(m->fake->queue[m->queue_sel].descriptors >> 12)
                   : 0;
    case VIRTIO_PCI_QUEUE_NUM:
        m->queue_said = (uint16_t)fake_says(
            m->fake, FAKE_QUEUE_SIZE,
            m->queue_sel < m->queues ? m->queue_most : 0);
        return m->queue_said;
    case VIRTIO_PCI_STATUS:
        return fake_says(m->fake, FAKE_STATUS, m->fake->status);
    case VIRTIO_PCI_ISR:
        m->isr_reads++;
        isr = m->isr;
        m->isr = 0;
        return fake_says(m->fake, FAKE_ISR, isr);
    case VIRTIO_MSI_CONFIG_VECTOR:
        return m->refuses_vectors ? 0xffff : m->vector;
    case VIRTIO_MSI_QUEUE_VECTOR:
        return m->refuses_vectors ? 0xffff : m->queue_vector;
    default:
        fake_fail("%u bytes of port %u are read", width, offset);
    }
}

/* The driver allocates a ring of the size that it has read, which may be a
 * lie. */
static void start_legacy(struct pci_model *m, uint64_t at)
{
    struct virtio_device *d = &m->fake->device;
    uint16_t size = m->queue_said ? m->queue_said : m->queue_most;
    struct vring ring;

    vring_init(&ring, size, (void *)(uintptr_t)at, 4096);
    (void)d->transport->queue_start(d, m->queue_sel, size, at,
                                    (uintptr_t)ring.avail,
                                    (uintptr_t)ring.used);
}

void port_write(uint16_t port, unsigned width, uint32_t value)
{
    unsigned offset = port_offset(port, width);
    struct pci_model *m = there;
    struct virtio_device *d = &m->fake->device;

    fake_access(m->fake);
    if (m->is_unplugged)
        return;
    if (offset >= config_offset())
        d->transport->write_config(d, offset - config_offset(), &value, width);
    else if (offset == VIRTIO_PCI_GUEST_FEATURES)
        d->transport->accept(d, value);
    else if (offset == VIRTIO_PCI_QUEUE_PFN)
        start_legacy(m, (uint64_t)value << 12);
    else if (offset == VIRTIO_PCI_QUEUE_SEL)
        m->queue_sel = (uint16_t)value;
    else if (offset == VIRTIO_PCI_QUEUE_NOTIFY)
        d->transport->notify(d, value, value);
    else if (offset == VIRTIO_PCI_STATUS)
        d->transport->set_status(d, (uint8_t)value);
    else if (offset == VIRTIO_MSI_CONFIG_VECTOR)
        m->vector = (uint16_t)value;
    else if (offset == VIRTIO_MSI_QUEUE_VECTOR)
        m->queue_vector = (uint16_t)value;
    else
        fake_fail("%u bytes of port %u are written", width, offset);
}

static void add_capability(struct pci_model *m, unsigned at, unsigned next,
                           unsigned type, unsigned where, unsigned size)
{
    pci_model_set(m, at, 4,
                  PCI_CAP_ID_VNDR | next << 8 | 20u << 16 | type << 24);
    pci_model_set(m, at + 4, 4, MODEL_BAR);
    pci_model_set(m, at + 8, 4, where);
    pci_model_set(m, at + 12, 4, size);
}

void pci_model_remove(void)
{
    there = NULL;
    registers_there = NULL;
}

void pci_model_start(struct pci_model *m, struct fake *f, uint64_t base)
{
    memset(m, 0, sizeof *m);
    m->fake = f;
    m->function = MODEL_FUNCTION;
    m->queues = 2;
    m->queue_most = f->queue_size;
    m->bar_mask = ~(uint64_t)(MODEL_BAR_SIZE - 1);
    m->registers =
        (struct registers){base, MODEL_BAR_SIZE, true, read, write, m};
    pci_model_set(m, PCI_VENDOR_ID, 4, 0x1af4u | 0x1044u << 16);
    pci_model_set(m, PCI_STATUS, 2, PCI_STATUS_CAP_LIST);
    pci_model_set(m, PCI_BASE_ADDRESS_0, 4, MODEL_PORT | 1);
    pci_model_set(m, PCI_BASE_ADDRESS_0 + 4 * MODEL_BAR, 4, (uint32_t)base | 4);
    pci_model_set(m, PCI_BASE_ADDRESS_0 + 4 * MODEL_BAR + 4, 4,
                  (uint32_t)(base >> 32));
    pci_model_set(m, PCI_CAPABILITY_LIST, 1, CAP_MSIX);
    pci_model_set(m, PCI_SUBSYSTEM_ID, 2, 4);
    pci_model_set(m, CAP_MSIX, 4, PCI_CAP_ID_MSIX | CAP_COMMON << 8 | 1u << 16);
    pci_model_set(m, CAP_MSIX + 4, 4, MODEL_TABLE | MODEL_BAR);
    add_capability(m, CAP_COMMON, CAP_ISR, VIRTIO_PCI_CAP_COMMON_CFG,
                   MODEL_COMMON, 56);
    add_capability(m, CAP_ISR, CAP_CONFIG, VIRTIO_PCI_CAP_ISR_CFG, MODEL_ISR,
                   1);
    add_capability(m, CAP_CONFIG, CAP_NOTIFY, VIRTIO_PCI_CAP_DEVICE_CFG,
                   MODEL_CONFIG, 64);
    add_capability(m, CAP_NOTIFY, 0, VIRTIO_PCI_CAP_NOTIFY_CFG, MODEL_NOTIFY,
                   64);
    pci_model_set(m, CAP_NOTIFY + 16, 4, 4);
    there = m;
    registers_there = &m->registers;
}
