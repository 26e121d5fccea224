/* SPDX-License-Identifier: ISC */
/*
 * The recogniser of virtio-mmio devices and PCI in a DSDT: any AML, in memory
 * of exactly its size. Seeds are the DSDTs of QEMU's microvm, also with
 * pcie=on, and q35, without headers.
 */
#include <virtio/dsdt.c>
#include "platform.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t before;
static unsigned count;

static void note(void *ctx, uint64_t address, uint64_t bytes, unsigned pin,
                 bool is_level)
{
    (void)ctx;
    (void)is_level;
    check(address <= before && bytes > 0);
    check(pin > 0 && pin <= UINT16_MAX);
    before = address;
    count++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *aml = malloc(size + !size);
    struct acpi_pci pci;

    check(aml != NULL);
    memcpy(aml, data, size);
    before = UINT64_MAX;
    count = 0;
    dsdt_find_mmio(aml, size, note, NULL);
    check(count <= DSDT_DEVICES);
    if (dsdt_find_pci(aml, size, &pci))
        check(pci.space != 0 && pci.hole + pci.hole_size >= pci.hole);
    free(aml);
    return 0;
}
