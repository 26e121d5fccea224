/* SPDX-License-Identifier: ISC */
/* pci: what the modern and the legacy interface of PCI share. */
#ifndef VIRTIO_PCI_H
#define VIRTIO_PCI_H

#include "virtio.h"
#include <mirage/machine.h>
#include <pc/interrupts.h>
#include <pc/pci.h>

#define PCI_VECTORS 2u /* of MSI-X that are used, at most */

/* A place in a BAR, as the device gives it. */
struct pci_place {
    unsigned bar;
    uint64_t offset, size;
};

/* Registers that are mapped; at is 0: they are not. */
struct pci_part {
    uintptr_t at;
    uint64_t size;
};

struct pci_device {
    struct virtio_device device;
    pci_function function;
    unsigned msix; /* the capability's place */
    unsigned vectors; /* of the table */
    uintptr_t table; /* 0: no MSI-X */
    bool is_listening;
    bool has_no_address; /* a BAR has none, which was logged */
    struct interrupt interrupt[PCI_VECTORS];
    uintptr_t notify[VIRTIO_QUEUES]; /* a register for each queue */
    uint16_t port; /* of a legacy device */
};

uint16_t pci_read16(pci_function f, unsigned offset);

/* Maps what lies at a place: at least `least` bytes, which must be there, and
 * at most `most`. A BAR without an address is given one, if there are any. */
struct pci_part pci_map(struct pci_device *p, const struct pci_place *where,
                        uint64_t least, uint64_t most);

/*
 * Uses the configuration space of bus 0 in memory, where ACPI says it is, and
 * the addresses for BARs that ACPI lists, unless the firmware has given them to
 * the devices. False: ACPI says nothing of PCI.
 */
bool pci_start_memory(void);

/* Sets bits of the command register. */
void pci_enable(pci_function f, uint32_t what);

/* Lets the device use memory and interrupt. False: it has no interrupt, which
 * was logged. */
bool pci_prepare(struct pci_device *p);

/* The MSI-X vector of all queues. */
uint16_t pci_queue_vector(const struct pci_device *p);

/* Adds a device by its legacy interface. False: it has none. */
bool pci_add_legacy(struct pci_device *p);

#endif
