/* SPDX-License-Identifier: ISC */
/*
 * virtio over PCI (virtio 1.2, 4.1): devices are found by bus, slot and
 * function, and their registers by the capabilities of the modern interface.
 * They interrupt by MSI-X where they have it, and otherwise by the line that
 * the firmware wrote into the Interrupt Line register.
 */
#include "pci.h"
#include "bus.h"
#include <arch/cpu.h>
#include <linux/pci_regs.h>
#include <linux/virtio_pci.h>
#include <mirage/macros.h>
#include <mirage/text.h>
#include <stdlib.h>
#include <string.h>

#define VENDOR       0x1af4u
#define ID_FIRST     0x1000u
#define ID_MODERN    0x1040u /* + the type */
#define ID_END       0x1080u
#define CAPABILITIES 48 /* that fit into the configuration space */
#define COMMON_BYTES (VIRTIO_PCI_COMMON_Q_USEDHI + 4u)
#define CONFIG_BYTES 4096u /* that are mapped, at most (4.1.4.1) */
#define NOTIFY_BYTES 0x400000u

struct modern {
    struct pci_device pci;
    struct pci_part common, notify, isr, config;
    uint32_t multiplier;
};

static struct modern *of(struct virtio_device *d)
{
    return containing(d, struct modern, pci.device);
}

static uintptr_t at(struct virtio_device *d, unsigned offset)
{
    return of(d)->common.at + offset;
}

static uint64_t features(struct virtio_device *d)
{
    uint64_t low;

    write_device(at(d, VIRTIO_PCI_COMMON_DFSELECT), 0);
    low = read_device(at(d, VIRTIO_PCI_COMMON_DF));
    write_device(at(d, VIRTIO_PCI_COMMON_DFSELECT), 1);
    return low | (uint64_t)read_device(at(d, VIRTIO_PCI_COMMON_DF)) << 32;
}

static void accept(struct virtio_device *d, uint64_t accepted)
{
    write_device(at(d, VIRTIO_PCI_COMMON_GFSELECT), 0);
    write_device(at(d, VIRTIO_PCI_COMMON_GF), (uint32_t)accepted);
    write_device(at(d, VIRTIO_PCI_COMMON_GFSELECT), 1);
    write_device(at(d, VIRTIO_PCI_COMMON_GF), (uint32_t)(accepted >> 32));
}

static uint8_t status(struct virtio_device *d)
{
    return read_device8(at(d, VIRTIO_PCI_COMMON_STATUS));
}

static void set_status(struct virtio_device *d, uint8_t value)
{
    write_device8(at(d, VIRTIO_PCI_COMMON_STATUS), value);
}

static bool read_config(struct virtio_device *d, size_t offset, void *data,
                        size_t len)
{
    return bus_read_config(of(d)->config.at, of(d)->config.size, offset, data,
                           len);
}

static void write_config(struct virtio_device *d, size_t offset,
                         const void *data, size_t len)
{
    bus_write_config(of(d)->config.at, of(d)->config.size, offset, data, len);
}

static uint32_t generation(struct virtio_device *d)
{
    return read_device8(at(d, VIRTIO_PCI_COMMON_CFGGENERATION));
}

static uint16_t queue_size(struct virtio_device *d, unsigned index)
{
    if (index >= read_device16(at(d, VIRTIO_PCI_COMMON_NUMQ)))
        return 0;
    write_device16(at(d, VIRTIO_PCI_COMMON_Q_SELECT), (uint16_t)index);
    return read_device16(at(d, VIRTIO_PCI_COMMON_Q_SIZE));
}

static void set_address(struct virtio_device *d, unsigned low, uint64_t value)
{
    write_device(at(d, low), (uint32_t)value);
    write_device(at(d, low + 4), (uint32_t)(value >> 32));
}

/* Where the selected queue is notified (4.1.4.4). 0: beyond the part, or at an
 * odd address, since the multiplier is odd. */
static uintptr_t notify_at(struct modern *m)
{
    uint64_t offset =
        (uint64_t)read_device16(m->common.at + VIRTIO_PCI_COMMON_Q_NOFF) *
        m->multiplier;

    return offset % 2 == 0 && offset + 2 <= m->notify.size
               ? m->notify.at + offset
               : 0;
}

static bool queue_start(struct virtio_device *d, unsigned index, uint16_t size,
                        uint64_t descriptors, uint64_t driver, uint64_t device)
{
    struct modern *m = of(d);
    uint16_t vector = pci_queue_vector(&m->pci);

    write_device16(at(d, VIRTIO_PCI_COMMON_Q_SELECT), (uint16_t)index);
    m->pci.notify[index] = notify_at(m);
    if (m->pci.notify[index] == 0)
        return false;
    write_device16(at(d, VIRTIO_PCI_COMMON_Q_SIZE), size);
    if (d->has_msix) {
        write_device16(at(d, VIRTIO_PCI_COMMON_Q_MSIX), vector);
        if (read_device16(at(d, VIRTIO_PCI_COMMON_Q_MSIX)) != vector)
            return false;
    }
    set_address(d, VIRTIO_PCI_COMMON_Q_DESCLO, descriptors);
    set_address(d, VIRTIO_PCI_COMMON_Q_AVAILLO, driver);
    set_address(d, VIRTIO_PCI_COMMON_Q_USEDLO, device);
    write_device16(at(d, VIRTIO_PCI_COMMON_Q_ENABLE), 1);
    return read_device16(at(d, VIRTIO_PCI_COMMON_Q_ENABLE)) == 1;
}

static void notify(struct virtio_device *d, unsigned index, uint32_t data)
{
    write_device16(of(d)->pci.notify[index], (uint16_t)data);
}

static uint8_t cause(struct virtio_device *d)
{
    return read_device8(of(d)->isr.at) & 3;
}

static bool prepare(struct virtio_device *d)
{
    if (!pci_prepare(&of(d)->pci))
        return false;
    if (!d->has_msix)
        return true;
    write_device16(at(d, VIRTIO_PCI_COMMON_MSIX), 0);
    return read_device16(at(d, VIRTIO_PCI_COMMON_MSIX)) == 0;
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
    .prepare = prepare};

/* ---- Interrupts ---- */

static void on_config(void *ctx)
{
    virtio_config_interrupt(ctx);
}

static void on_queues(void *ctx)
{
    struct virtio_device *d = ctx;

    for (unsigned i = 0; i < d->queue_end; i++)
        virtio_queue_interrupt(d, i);
}

static void on_line(void *ctx)
{
    virtio_interrupt(ctx);
}

uint16_t pci_queue_vector(const struct pci_device *p)
{
    return p->vectors > 1 ? 1 : 0;
}

static void set_vector(const struct pci_device *p, unsigned vector,
                       struct interrupt *i)
{
    uintptr_t entry = p->table + vector * PCI_MSIX_ENTRY_SIZE;
    uint64_t address;
    uint32_t data;

    interrupt_listen_message(i, &address, &data);
    write_device(entry + PCI_MSIX_ENTRY_LOWER_ADDR, (uint32_t)address);
    write_device(entry + PCI_MSIX_ENTRY_UPPER_ADDR, (uint32_t)(address >> 32));
    write_device(entry + PCI_MSIX_ENTRY_DATA, data);
    write_device(entry + PCI_MSIX_ENTRY_VECTOR_CTRL, 0);
}

/* Vector 0 is for the configuration and 1 for the queues; if there is only one,
 * it is for both. */
static bool listen(struct pci_device *p)
{
    struct virtio_device *d = &p->device;
    uint32_t line;

    p->interrupt[0].ctx = p->interrupt[1].ctx = d;
    p->interrupt[0].on_interrupt = on_config;
    p->interrupt[1].on_interrupt = on_queues;
    if (d->has_msix) {
        set_vector(p, 0, &p->interrupt[0]);
        if (p->vectors > 1) {
            set_vector(p, 1, &p->interrupt[1]);
        } else {
            p->interrupt[1].line = p->interrupt[0].line;
            interrupt_listen_vector(&p->interrupt[1]);
        }
        pci_write(p->function, p->msix,
                  (pci_read(p->function, p->msix) |
                   (uint32_t)PCI_MSIX_FLAGS_ENABLE << 16) &
                      ~((uint32_t)PCI_MSIX_FLAGS_MASKALL << 16));
        return true;
    }
    line = pci_read(p->function, PCI_INTERRUPT_LINE) & 0xff;
    p->interrupt[0].on_interrupt = on_line;
    if (line > 0 && line < 15 &&
        interrupt_listen_pin(&p->interrupt[0], line, true))
        return true;
    log_error(&virtio_bus,
              "%s: it has neither MSI-X nor an interrupt line that is known",
              d->place);
    return false;
}

bool pci_prepare(struct pci_device *p)
{
    uint32_t command = pci_read(p->function, PCI_COMMAND) & 0xffff;

    /* All but the line's, which MSI-X replaces. */
    command |= PCI_COMMAND_MASTER;
    command &= ~(uint32_t)PCI_COMMAND_INTX_DISABLE;
    pci_write(p->function, PCI_COMMAND, command);
    if (!p->is_listening)
        p->is_listening = listen(p);
    return p->is_listening;
}

/* ---- Finding ---- */

/* Notes a capability of virtio (4.1.4): the first of each type that can be
 * used. */
static void note_part(struct modern *m, unsigned cap)
{
    pci_function f = m->pci.function;
    unsigned type = pci_read(f, cap) >> 24;
    struct pci_place where = {.bar = pci_read(f, cap + 4) & 0xff,
                              .offset = pci_read(f, cap + 8),
                              .size = pci_read(f, cap + 12)};

    if (type == VIRTIO_PCI_CAP_COMMON_CFG && m->common.at == 0 &&
        where.offset % 4 == 0)
        m->common = pci_map(&m->pci, &where, COMMON_BYTES, COMMON_BYTES);
    if (type == VIRTIO_PCI_CAP_ISR_CFG && m->isr.at == 0)
        m->isr = pci_map(&m->pci, &where, 1, 1);
    if (type == VIRTIO_PCI_CAP_DEVICE_CFG && m->config.at == 0 &&
        where.offset % 4 == 0)
        m->config = pci_map(&m->pci, &where, 1, CONFIG_BYTES);
    if (type == VIRTIO_PCI_CAP_NOTIFY_CFG && m->notify.at == 0 &&
        where.offset % 2 == 0 && cap <= 0x100 - 20) {
        m->multiplier = pci_read(f, cap + 16);
        m->notify = pci_map(&m->pci, &where, 2, NOTIFY_BYTES);
    }
}

static void note_msix(struct pci_device *p, unsigned cap)
{
    uint32_t where = pci_read(p->function, cap + PCI_MSIX_TABLE);
    unsigned count =
        (pci_read16(p->function, cap + PCI_MSIX_FLAGS) & PCI_MSIX_FLAGS_QSIZE) +
        1;
    struct pci_place table = {.bar = where & PCI_MSIX_TABLE_BIR,
                              .offset = where & PCI_MSIX_TABLE_OFFSET,
                              .size = (uint64_t)count * PCI_MSIX_ENTRY_SIZE};

    if (p->table != 0)
        return;
    p->table = pci_map(p, &table, PCI_MSIX_ENTRY_SIZE,
                       PCI_VECTORS * PCI_MSIX_ENTRY_SIZE)
                   .at;
    p->vectors = count;
    p->msix = cap;
    p->device.has_msix = p->table != 0;
}

/* The capability after `cap`, or the first (cap 0); 0: there is none. */
static unsigned next_capability(pci_function f, unsigned cap)
{
    unsigned next = cap == 0 ? pci_read(f, PCI_CAPABILITY_LIST) & 0xfc
                             : pci_read(f, cap) >> 8 & 0xfc;

    return next >= 0x40 && next <= 0x100 - 16 ? next : 0;
}

static void note_capabilities(struct modern *m)
{
    pci_function f = m->pci.function;
    unsigned cap = 0;

    if (!(pci_read(f, PCI_COMMAND) >> 16 & PCI_STATUS_CAP_LIST))
        return;
    for (int i = 0; i < CAPABILITIES; i++) {
        unsigned id;

        cap = next_capability(f, cap);
        if (cap == 0)
            return;
        id = pci_read(f, cap) & 0xff;
        if (id == PCI_CAP_ID_VNDR)
            note_part(m, cap);
        if (id == PCI_CAP_ID_MSIX)
            note_msix(&m->pci, cap);
    }
}

void pci_enable(pci_function f, uint32_t what)
{
    pci_write(f, PCI_COMMAND, (pci_read(f, PCI_COMMAND) & 0xffff) | what);
}

static void add_modern(struct modern *m)
{
    m->pci.device.transport = &transport;
    pci_enable(m->pci.function, PCI_COMMAND_MEMORY);
    bus_add(&m->pci.device);
}

static void add(pci_function f, unsigned id)
{
    struct modern *m = calloc(1, sizeof *m);

    if (!m) {
        log_error(&virtio_bus, "no memory for a device on PCI");
        return;
    }
    m->pci.function = f;
    m->pci.device.type = id >= ID_MODERN ? id - ID_MODERN
                                         : pci_read16(f, PCI_SUBSYSTEM_ID);
    text_format(m->pci.device.place, sizeof m->pci.device.place,
                "PCI %u:%u.%u", f >> 8, f >> 3 & 31, f & 7);
    note_capabilities(m);
    if (m->common.at != 0 && m->notify.at != 0 && m->isr.at != 0) {
        add_modern(m);
        return;
    }
    if (id < ID_MODERN && m->common.at == 0 && pci_add_legacy(&m->pci))
        return;
    if (!m->pci.has_no_address)
        log_warning(&virtio_bus,
                    "%s: its registers are not where they can be used, so it "
                    "is not used",
                    m->pci.device.place);
    free(m);
}

static bool is_bridge(pci_function f)
{
    return (pci_read(f, PCI_HEADER_TYPE & ~3u) >> 16 & 0x7f) ==
           PCI_HEADER_TYPE_BRIDGE;
}

/* Looks at a function. A bus behind it is noted in the bits of `buses`. False:
 * there is no such function. */
static bool look(pci_function f, uint32_t buses[8])
{
    uint32_t ids = pci_read(f, PCI_VENDOR_ID);
    unsigned id = ids >> 16;

    if ((ids & 0xffff) == 0xffff)
        return false;
    if ((ids & 0xffff) == VENDOR && id >= ID_FIRST && id < ID_END) {
        add(f, id);
    } else if (is_bridge(f)) {
        unsigned bus = pci_read(f, PCI_PRIMARY_BUS) >> 8 & 0xff;

        /* Buses are scanned in ascending order, so that the scan ends: one
         * below its bridge's own, which PCI does not allow, is not scanned. */
        buses[bus / 32] |= 1u << bus % 32;
    }
    return true;
}

static void look_at_slot(unsigned slot, uint32_t buses[8])
{
    pci_function f = (pci_function)(slot << 3);
    unsigned functions = 1;

    if (look(f, buses) && pci_read(f, PCI_HEADER_TYPE & ~3u) >> 16 & 0x80)
        functions = 8;
    for (unsigned i = 1; i < functions; i++)
        (void)look((pci_function)(f + i), buses);
}

/* Where there are no ports, as on QEMU's microvm, the firmware has numbered no
 * bus behind a bridge, and only bus 0 is looked at. */
void pci_find(void)
{
    uint32_t buses[8] = {1};
    unsigned end = pci_exists() ? 256 * 32 : pci_start_memory() ? 32
                                                                : 0;

    for (unsigned slot = 0; slot < end; slot++)
        if (buses[slot / 32 / 32] & 1u << slot / 32 % 32)
            look_at_slot(slot, buses);
}
