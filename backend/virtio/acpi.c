/* SPDX-License-Identifier: ISC */
/* Finds virtio devices over MMIO, and PCI, in ACPI's tables (<pc/acpi.h>). */
#include "acpi.h"
#include <mirage/bytes.h>
#include <pc/acpi.h>
#include <pc/interrupts.h>

/* Type 1 is an I/O APIC (ACPI 6.5, 5.2.12.3). */
static void add_io_apic(void *ctx, const uint8_t *at)
{
    (void)ctx;
    if (at[0] == 1 && at[1] >= 12)
        (void)interrupts_add_io_apic(get_le32(at + 4), get_le32(at + 8));
}

/* Finds the DSDT by the FADT. */
static bool find_dsdt(struct acpi_table *dsdt)
{
    struct acpi_table fadt;

    return acpi_find(ACPI_FADT, 0, &fadt) && acpi_find_dsdt(&fadt, dsdt);
}

void acpi_find_mmio(mmio_found *found, void *ctx)
{
    struct acpi_table dsdt;

    acpi_visit_madt(add_io_apic, NULL);
    if (find_dsdt(&dsdt))
        dsdt_find_mmio(dsdt.bytes + ACPI_HEADER, dsdt.len - ACPI_HEADER, found,
                       ctx);
}

bool acpi_find_pci(struct acpi_pci *p)
{
    struct acpi_table dsdt;

    return find_dsdt(&dsdt) &&
           dsdt_find_pci(dsdt.bytes + ACPI_HEADER, dsdt.len - ACPI_HEADER, p);
}
