/* SPDX-License-Identifier: ISC */
/* pci: what the modern and the legacy interface of PCI share. */
#ifndef VIRTIO_PCI_H
#define VIRTIO_PCI_H

#include "virtio.h"
#include <mirage/machine.h>
#include <pc/interrupts.h>
#include <pc/pci.h>

struct pci_device {
    struct virtio_device device;
    pci_function function;
    unsigned msix; /* the capability's place */
    unsigned vectors; /* of the table */
    uintptr_t table; /* 0: no MSI-X */
    bool is_listening;
    struct interrupt interrupt[2];
    uintptr_t notify[VIRTIO_QUEUES]; /* a register for each queue */
    uint16_t port; /* of a legacy device */
};

uint16_t pci_read16(pci_function f, unsigned offset);

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
