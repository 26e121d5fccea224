/* SPDX-License-Identifier: ISC */
/* acpi: where virtio devices over MMIO, and PCI, are by ACPI's tables. */
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

/* PCI of a machine without the ports for its configuration space. */
struct acpi_pci {
    uint64_t space; /* of bus 0, in memory; a multiple of 1 MiB */
    uint64_t hole, hole_size; /* addresses for BARs; do not wrap */
};

/* Finds that in the DSDT. False: it does not say. */
bool acpi_find_pci(struct acpi_pci *p);

/* The same for `len` bytes of AML: a Device PNP0A08 with, one after the other,
 * a method _CBA that returns a constant, and a _CRS with memory below 4 GiB, as
 * QEMU writes them. */
bool dsdt_find_pci(const uint8_t *aml, size_t len, struct acpi_pci *p);

/*
 * acpi_find_mmio for `len` bytes of AML. Recognises the encodings that QEMU,
 * Firecracker and Cloud Hypervisor write: a Device whose _HID is the string
 * LNRO0005 and whose _CRS is a buffer with a Memory32Fixed or a QWord address
 * space, and an extended interrupt. Reads nothing beyond.
 */
#define DSDT_DEVICES 64 /* at most; others are ignored */
void dsdt_find_mmio(const uint8_t *aml, size_t len, mmio_found *found,
                    void *ctx);

#endif
