/* SPDX-License-Identifier: ISC */
/* Finds virtio devices over MMIO, and PCI, in ACPI's tables (<pc/acpi.h>). */
#include "acpi.h"
#include <pc/acpi.h>
#include <pc/interrupts.h>

/* Type 1 is an I/O APIC (ACPI 6.5, 5.2.12.3). */
static void add_io_apic(void *ctx, const uint8_t *at)
{
    (void)ctx;
    if (at[0] == 1 && at[1] >= 12)
        (void)interrupts_add_io_apic(acpi_number(at + 4, 4),
                                     (unsigned)acpi_number(at + 8, 4));
}

/* Finds the DSDT by the FADT. */
static bool find_dsdt(struct acpi_table *dsdt)
{
    struct acpi_table fadt;
    size_t index = 0;
    bool is_found;

    if (!acpi_find("FACP", &index, &fadt))
        return false;
    is_found = acpi_find_dsdt(&fadt, dsdt);
    acpi_free(&fadt);
    return is_found;
}

void acpi_find_mmio(mmio_found *found, void *ctx)
{
    struct acpi_table dsdt;

    acpi_visit_madt(add_io_apic, NULL);
    if (!find_dsdt(&dsdt))
        return;
    dsdt_find_mmio(dsdt.bytes + ACPI_HEADER, dsdt.len - ACPI_HEADER, found,
                   ctx);
    acpi_free(&dsdt);
}

bool acpi_find_pci(struct acpi_pci *p)
{
    struct acpi_table dsdt;
    bool is_found;

    if (!find_dsdt(&dsdt))
        return false;
    is_found = dsdt_find_pci(dsdt.bytes + ACPI_HEADER, dsdt.len - ACPI_HEADER,
                             p);
    acpi_free(&dsdt);
    return is_found;
}
