/* SPDX-License-Identifier: ISC */
/* The legacy interface of virtio over PCI (virtio 1.2, 4.1.4.10): registers at
 * ports. */
#include "pci.h"
#include "bus.h"
#include <linux/pci_regs.h>
#include <linux/virtio_pci.h>
#include <mirage/macros.h>
#include <string.h>

#define CONFIG_MOST 256u /* bytes of ports that a device has */

static struct pci_device *of(struct virtio_device *d)
{
    return containing(d, struct pci_device, device);
}

static uint32_t get(struct virtio_device *d, unsigned offset, unsigned width)
{
    return port_read((uint16_t)(of(d)->port + offset), width);
}

static void set(struct virtio_device *d, unsigned offset, unsigned width,
                uint32_t value)
{
    port_write((uint16_t)(of(d)->port + offset), width, value);
}

static uint64_t features(struct virtio_device *d)
{
    return get(d, VIRTIO_PCI_HOST_FEATURES, 4);
}

static void accept(struct virtio_device *d, uint64_t accepted)
{
    set(d, VIRTIO_PCI_GUEST_FEATURES, 4, (uint32_t)accepted);
}

static uint8_t status(struct virtio_device *d)
{
    return (uint8_t)get(d, VIRTIO_PCI_STATUS, 1);
}

static void set_status(struct virtio_device *d, uint8_t value)
{
    set(d, VIRTIO_PCI_STATUS, 1, value);
}

/* Fields are in the machine's byte order, and the registers of MSI-X are before
 * them while it is enabled, which it is from pci_prepare on. */
static unsigned config_at(struct virtio_device *d, size_t offset)
{
    bool is_msix_enabled = d->has_msix && of(d)->is_listening;

    return (unsigned)(VIRTIO_PCI_CONFIG_OFF(is_msix_enabled) + offset);
}

static size_t width_of(size_t len)
{
    return len == 8 ? 4 : len == 4 || len == 2 ? len
                                               : 1;
}

static bool read_config(struct virtio_device *d, size_t offset, void *data,
                        size_t len)
{
    size_t width = width_of(len);

    memset(data, 0, len);
    if (offset > CONFIG_MOST || len > CONFIG_MOST - offset)
        return false;
    for (size_t i = 0; i < len; i += width) {
        uint32_t value = get(d, config_at(d, offset + i), (unsigned)width);

        memcpy((uint8_t *)data + i, &value, width);
    }
    return true;
}

static void write_config(struct virtio_device *d, size_t offset,
                         const void *data, size_t len)
{
    size_t width = width_of(len);

    if (offset > CONFIG_MOST || len > CONFIG_MOST - offset)
        return;
    for (size_t i = 0; i < len; i += width) {
        uint32_t value = 0;

        memcpy(&value, (const uint8_t *)data + i, width);
        set(d, config_at(d, offset + i), (unsigned)width, value);
    }
}

static uint32_t generation(struct virtio_device *d)
{
    (void)d;
    return 0;
}

/* A queue that has an address is in use. */
static uint16_t queue_size(struct virtio_device *d, unsigned index)
{
    set(d, VIRTIO_PCI_QUEUE_SEL, 2, index);
    if (get(d, VIRTIO_PCI_QUEUE_PFN, 4) != 0)
        return 0;
    return (uint16_t)get(d, VIRTIO_PCI_QUEUE_NUM, 2);
}

static bool queue_start(struct virtio_device *d, unsigned index, uint16_t size,
                        uint64_t descriptors, uint64_t driver, uint64_t device)
{
    uint64_t page = descriptors >> VIRTIO_PCI_QUEUE_ADDR_SHIFT;
    uint16_t vector = pci_queue_vector(of(d));

    (void)size;
    (void)driver;
    (void)device;
    if (page >> 32 != 0)
        return false;
    set(d, VIRTIO_PCI_QUEUE_SEL, 2, index);
    if (d->has_msix) {
        set(d, VIRTIO_MSI_QUEUE_VECTOR, 2, vector);
        if (get(d, VIRTIO_MSI_QUEUE_VECTOR, 2) != vector)
            return false;
    }
    set(d, VIRTIO_PCI_QUEUE_PFN, 4, (uint32_t)page);
    return get(d, VIRTIO_PCI_QUEUE_PFN, 4) == page;
}

static void notify(struct virtio_device *d, unsigned index, uint32_t data)
{
    (void)data;
    set(d, VIRTIO_PCI_QUEUE_NOTIFY, 2, index);
}

static uint8_t cause(struct virtio_device *d)
{
    return (uint8_t)get(d, VIRTIO_PCI_ISR, 1) & 3;
}

static bool prepare(struct virtio_device *d)
{
    if (!pci_prepare(of(d)))
        return false;
    if (!d->has_msix)
        return true;
    set(d, VIRTIO_MSI_CONFIG_VECTOR, 2, 0);
    return get(d, VIRTIO_MSI_CONFIG_VECTOR, 2) == 0;
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

bool pci_add_legacy(struct pci_device *p)
{
    uint32_t bar = pci_read(p->function, PCI_BASE_ADDRESS_0);
    uint32_t port = bar & (uint32_t)PCI_BASE_ADDRESS_IO_MASK;

    if (!(bar & PCI_BASE_ADDRESS_SPACE_IO) || port < 0x1000 ||
        port > 0x10000 - 512)
        return false;
    p->port = (uint16_t)port;
    p->device.is_legacy = true;
    p->device.transport = &transport;
    pci_enable(p->function, PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
    bus_add(&p->device);
    return true;
}
