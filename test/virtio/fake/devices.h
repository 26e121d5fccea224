/* SPDX-License-Identifier: ISC */
/*
 * devices: the machine of a test: the fake devices that drivers find in it.
 */
#ifndef VIRTIO_FAKE_DEVICES_H
#define VIRTIO_FAKE_DEVICES_H

#include "fake.h"

/* Adds a device of this type behind the others; removes all of them. */
void fake_add(struct fake *f, uint32_t type);
void fake_remove_all(void);

/* Memory that does not lie at its physical address, as the heap of an image. */
extern uint8_t fake_heap[65536];

#endif
