/* SPDX-License-Identifier: ISC */
/* Finds virtio devices over MMIO in ACPI's tables (<pc/acpi.h>). */
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

void acpi_find_mmio(mmio_found *found, void *ctx)
{
    struct acpi_table fadt, dsdt;
    size_t index = 0;

    acpi_visit_madt(add_io_apic, NULL);
    if (!acpi_find("FACP", &index, &fadt))
        return;
    if (acpi_find_dsdt(&fadt, &dsdt)) {
        dsdt_find_mmio(dsdt.bytes + ACPI_HEADER, dsdt.len - ACPI_HEADER, found,
                       ctx);
        acpi_free(&dsdt);
    }
    acpi_free(&fadt);
}
