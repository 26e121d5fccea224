/* SPDX-License-Identifier: ISC */
/*
 * The BARs of PCI devices: where they are, and addresses for them on machines
 * whose firmware gives none (QEMU's microvm with pcie=on). There the
 * configuration space is in memory (PCI Express 4.0, 7.2.2).
 */
#include "acpi.h"
#include "bus.h"
#include "pci.h"
#include <linux/pci_regs.h>
#include <mirage/macros.h>

#define BUS_BYTES 0x100000u /* of the configuration space of a bus */
#define BARS      6u

static uint64_t hole, hole_end; /* addresses that no BAR has yet */

struct bar {
    unsigned reg;
    bool is_wide; /* 64 bits */
    uint64_t address, size;
};

uint16_t pci_read16(pci_function f, unsigned offset)
{
    return (uint16_t)(pci_read(f, offset & ~3u) >> 8 * (offset & 2));
}

/* Gives a BAR that does not decode the next free address. */
static bool give_address(pci_function f, struct bar *b)
{
    uint64_t at = (hole + b->size - 1) & ~(b->size - 1);

    if ((b->size & (b->size - 1)) != 0 || at < hole || at >= hole_end ||
        b->size > hole_end - at)
        return false;
    hole = at + b->size;
    b->address = at;
    pci_write(f, b->reg, (uint32_t)at);
    if (b->is_wide)
        pci_write(f, b->reg + 4, (uint32_t)(at >> 32));
    return true;
}

/* Reads a BAR's size, by writing ones to it while it does not decode (PCI Local
 * Bus 3.0, 6.2.5.1). */
static void read_bar(pci_function f, struct bar *b)
{
    uint32_t low = pci_read(f, b->reg), high = 0, mask, high_mask = ~0u;

    pci_write(f, b->reg, ~0u);
    mask = pci_read(f, b->reg) & (uint32_t)PCI_BASE_ADDRESS_MEM_MASK;
    pci_write(f, b->reg, low);
    if (b->is_wide) {
        high = pci_read(f, b->reg + 4);
        pci_write(f, b->reg + 4, ~0u);
        high_mask = pci_read(f, b->reg + 4);
        pci_write(f, b->reg + 4, high);
    }
    b->address = (uint64_t)high << 32 |
                 (low & (uint32_t)PCI_BASE_ADDRESS_MEM_MASK);
    b->size = mask == 0 ? 0 : ~((uint64_t)high_mask << 32 | mask) + 1;
}

/* Finds BAR n. False: it is not one of memory, or it has no address, which is
 * logged. */
static bool find_bar(struct pci_device *p, unsigned n, struct bar *b)
{
    pci_function f = p->function;
    uint32_t command = pci_read(f, PCI_COMMAND) & 0xffff, low;
    bool has_address;

    b->reg = PCI_BASE_ADDRESS_0 + 4 * n;
    low = pci_read(f, b->reg);
    b->is_wide = (low & PCI_BASE_ADDRESS_MEM_TYPE_MASK) ==
                 PCI_BASE_ADDRESS_MEM_TYPE_64;
    if (low & PCI_BASE_ADDRESS_SPACE_IO || (b->is_wide && n == BARS - 1))
        return false;
    pci_write(f, PCI_COMMAND,
              command & ~(uint32_t)(PCI_COMMAND_MEMORY | PCI_COMMAND_IO));
    read_bar(f, b);
    has_address = b->address != 0 || b->size == 0 || give_address(f, b);
    pci_write(f, PCI_COMMAND, command);
    if (!has_address && !p->has_no_address) {
        log_warning(&virtio_bus,
                    "%s: the firmware has not given an address to the %llu "
                    "bytes of its BAR %u, and there is none to give; the "
                    "device is not used",
                    p->device.place, (unsigned long long)b->size, n);
        p->has_no_address = true;
    }
    return b->size != 0 && b->address != 0;
}

struct pci_part pci_map(struct pci_device *p, const struct pci_place *where,
                        uint64_t least, uint64_t most)
{
    struct pci_part none = {0, 0}, part = {0, min(where->size, most)};
    struct bar b;

    if (where->bar >= BARS || where->size < least ||
        !find_bar(p, where->bar, &b) || where->offset > b.size ||
        where->size > b.size - where->offset)
        return none;
    part.at = bus_map(b.address + where->offset, part.size);
    return part.at != 0 ? part : none;
}

/* Has the firmware given a device of bus 0 an address of memory? */
static bool has_addresses(void)
{
    for (unsigned slot = 0; slot < 32; slot++)
        for (unsigned n = 0; n < BARS; n++) {
            uint32_t low = pci_read((pci_function)(slot << 3),
                                    PCI_BASE_ADDRESS_0 + 4 * n);

            if (low != ~0u && !(low & PCI_BASE_ADDRESS_SPACE_IO) &&
                (low & (uint32_t)PCI_BASE_ADDRESS_MEM_MASK))
                return true;
        }
    return false;
}

bool pci_start_memory(void)
{
    struct acpi_pci pci;

    if (!acpi_find_pci(&pci))
        return false;
    /* Its addresses are computed from that of bus 0. */
    if (bus_map(pci.space, BUS_BYTES) != pci.space) {
        log_warning(&virtio_bus,
                    "PCI: its configuration space cannot be at 0x%llx",
                    (unsigned long long)pci.space);
        return false;
    }
    pci_use_memory((uintptr_t)pci.space);
    if (!has_addresses()) {
        hole = pci.hole;
        hole_end = pci.hole + pci.hole_size;
    }
    return true;
}
