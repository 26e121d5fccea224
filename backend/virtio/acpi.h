/* SPDX-License-Identifier: ISC */
/* acpi: virtio devices over MMIO that ACPI's tables list. */
#ifndef VIRTIO_ACPI_H
#define VIRTIO_ACPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A device: its registers, and the pin of an I/O APIC that it interrupts by. */
typedef void mmio_found(void *ctx, uint64_t address, uint64_t size,
                        unsigned pin, bool is_level);

/*
 * Calls found for each LNRO0005 device of the DSDT, from the highest address
 * down: the order in which QEMU fills them. Adds the I/O APICs of the MADT.
 * Nothing happens if the loader gave no tables, or they are damaged.
 */
void acpi_find_mmio(mmio_found *found, void *ctx);

/*
 * The same for `len` bytes of AML. Recognises the encodings that QEMU,
 * Firecracker and Cloud Hypervisor write: a Device whose _HID is the string
 * LNRO0005 and whose _CRS is a buffer with a Memory32Fixed or a QWord address
 * space, and an extended interrupt. Reads nothing beyond.
 */
#define DSDT_DEVICES 64 /* at most; others are ignored */
void dsdt_find_mmio(const uint8_t *aml, size_t len, mmio_found *found,
                    void *ctx);

#endif
