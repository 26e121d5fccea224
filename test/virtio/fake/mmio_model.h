/* SPDX-License-Identifier: ISC */
/* mmio_model: the registers of virtio-mmio (virtio 1.2, 4.2.2) before a fake
 * device. */
#ifndef VIRTIO_FAKE_MMIO_MODEL_H
#define VIRTIO_FAKE_MMIO_MODEL_H

#include "fake.h"
#include "registers.h"

struct mmio_model {
    struct registers registers;
    struct fake *fake;
    uint32_t magic, version, type;
    uint32_t queue_most; /* of each queue */
    bool is_unplugged; /* all registers are ones */
    bool never_ready; /* no queue is ever ready */
    bool is_interrupt_stuck;
    uint32_t isr;
    unsigned widths; /* of accesses to the configuration, as bits */

    uint32_t features_sel, accept_sel, queue_sel, size;
    uint64_t accepted, ring[3];
};

/* A device of version 2 in the machine; f is its inside. */
void mmio_model_start(struct mmio_model *m, struct fake *f, uint64_t base,
                      uint64_t size);

#endif
