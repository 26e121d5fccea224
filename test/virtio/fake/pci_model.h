/* SPDX-License-Identifier: ISC */
/*
 * pci_model: function 0:3.0 of PCI, a virtio device with the modern and the
 * legacy interface (virtio 1.2, 4.1), before a fake device. Tests change its
 * configuration space as they like.
 */
#ifndef VIRTIO_FAKE_PCI_MODEL_H
#define VIRTIO_FAKE_PCI_MODEL_H

#include "fake.h"
#include "registers.h"
#include <pc/pci.h>

enum { MODEL_FUNCTION = 3 << 3,
       MODEL_BAR = 4, /* of the modern registers; 64 bits wide */
       MODEL_BAR_SIZE = 0x10000,
       MODEL_COMMON = 0, /* offsets in it */
       MODEL_ISR = 0x1000,
       MODEL_CONFIG = 0x2000,
       MODEL_NOTIFY = 0x3000,
       MODEL_TABLE = 0x8000, /* up to the end, of 2048 vectors */
       MODEL_PORT = 0xc000,
       /* Capabilities in the configuration space. */
       CAP_MSIX = 0x40,
       CAP_COMMON = 0x50,
       CAP_ISR = 0x60,
       CAP_CONFIG = 0x70,
       CAP_NOTIFY = 0x80 };

struct pci_model {
    struct registers registers; /* of the BAR */
    struct fake *fake;
    uint8_t space[256];
    uint64_t bar_mask; /* what a BAR of all ones reads as */
    pci_function function; /* where it is: MODEL_FUNCTION, or elsewhere */
    pci_function bridge; /* to bus_behind; 0: there is none */
    unsigned bus_behind;
    bool is_multifunction; /* function 0 of its slot says that there are more */
    bool is_unplugged; /* everything is ones */
    bool has_no_ports; /* but registers_pci */
    bool refuses_vectors, never_enabled;
    uint16_t queues, queue_most, notify_offset;
    uint16_t queue_said; /* of a legacy queue: the size that was read last */
    uint8_t isr;
    unsigned isr_reads;
    unsigned widths; /* of accesses to the configuration, as bits */
    uint32_t table[8]; /* two vectors */

    uint32_t features_sel, accept_sel;
    uint16_t queue_sel, size, vector, queue_vector;
    uint64_t accepted, ring[3];
};

/* Puts the device into the machine; f is its inside. */
void pci_model_start(struct pci_model *m, struct fake *f, uint64_t base);
void pci_model_remove(void);

void pci_model_set(struct pci_model *m, unsigned offset, unsigned width,
                   uint32_t value);

#endif
