/* SPDX-License-Identifier: ISC */
/* bus: what bus.c, which finds the devices, and the transports share. */
#ifndef VIRTIO_BUS_H
#define VIRTIO_BUS_H

#include "virtio.h"

extern struct log_source virtio_bus;

/* Each finds the devices of its transport, and adds them in the machine's
 * order. pci_find adds legacy devices by pci_add_legacy (pci_legacy.c). */
void pci_find(void);
void mmio_find(void);

/* Appends d to the list of devices. */
void bus_add(struct virtio_device *d);

/*
 * Maps len bytes of registers at this physical address. Returns where they are;
 * 0: they would overlap memory, or page zero, or there is no page for tables.
 */
uintptr_t bus_map(uint64_t physical, uint64_t len);

/* Read and write a device's configuration at `at`, which holds size bytes, with
 * the widths of struct virtio_transport. False: it lies beyond, and reads as
 * 0. */
bool bus_read_config(uintptr_t at, size_t size, size_t offset, void *data,
                     size_t len);
void bus_write_config(uintptr_t at, size_t size, size_t offset,
                      const void *data, size_t len);

#endif
