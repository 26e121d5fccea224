/* SPDX-License-Identifier: ISC */
/* What is taken from ACPI's tables, which this file makes up. */
#define acpi_find_mmio tested_find_mmio
#define acpi_find_pci  tested_find_pci
#include "acpi.c"
#include "check.h"

#define CONTENTS 5 /* bytes of the DSDT behind its header */

static uint8_t table[ACPI_HEADER + CONTENTS];
static bool has_fadt, has_dsdt;
static unsigned chips, found_calls;
static uint64_t chip_address;
static unsigned chip_base;
static const uint8_t *searched;
static size_t searched_len;

bool acpi_find(uint32_t signature, unsigned nth, struct acpi_table *t)
{
    CHECK(signature == ACPI_FADT && nth == 0);
    *t = (struct acpi_table){table, ACPI_HEADER};
    return has_fadt;
}

bool acpi_find_dsdt(const struct acpi_table *fadt, struct acpi_table *dsdt)
{
    CHECK(fadt->bytes == table && fadt->len == ACPI_HEADER);
    *dsdt = (struct acpi_table){table, sizeof table};
    return has_dsdt;
}

/* A processor, and I/O APICs, one of which is too short. */
void acpi_visit_madt(void (*visit)(void *ctx, const uint8_t *at), void *ctx)
{
    static const uint8_t processor[] = {0, 12, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9};
    static const uint8_t chip[] = {1, 12, 0, 0, 0, 0, 0xc0, 0xfe,
                                   24, 0, 0, 0};
    static const uint8_t cut[] = {1, 11, 0, 0, 0, 0, 0xd0, 0xfe, 48, 0, 0};

    visit(ctx, processor);
    visit(ctx, chip);
    visit(ctx, cut);
}

bool interrupts_add_io_apic(uint64_t address, unsigned base)
{
    chips++;
    chip_address = address;
    chip_base = base;
    return true;
}

static void note_search(const uint8_t *aml, size_t len)
{
    searched = aml;
    searched_len = len;
}

void dsdt_find_mmio(const uint8_t *aml, size_t len, mmio_found *found,
                    void *ctx)
{
    note_search(aml, len);
    found(ctx, 0xfeb00000, 512, 5, true);
}

bool dsdt_find_pci(const uint8_t *aml, size_t len, struct acpi_pci *p)
{
    note_search(aml, len);
    *p = (struct acpi_pci){.space = 0xe0000000};
    return true;
}

static void note(void *ctx, uint64_t address, uint64_t size, unsigned pin,
                 bool is_level)
{
    CHECK(ctx == table && address == 0xfeb00000 && size == 512);
    CHECK(pin == 5 && is_level);
    found_calls++;
}

static void begin(bool fadt, bool dsdt)
{
    has_fadt = fadt;
    has_dsdt = dsdt;
    chips = found_calls = 0;
    searched = NULL;
}

TEST(devices_are_searched_behind_the_header_of_the_dsdt)
{
    struct acpi_pci p;

    begin(true, true);
    acpi_find_mmio(note, table);
    CHECK(found_calls == 1);
    CHECK(searched == table + ACPI_HEADER && searched_len == CONTENTS);
    begin(true, true);
    CHECK(acpi_find_pci(&p) && p.space == 0xe0000000);
    CHECK(searched == table + ACPI_HEADER && searched_len == CONTENTS);
}

TEST(io_apics_of_the_madt_are_added_also_without_a_dsdt)
{
    begin(true, false);
    acpi_find_mmio(note, table);
    CHECK(chips == 1 && chip_address == 0xfec00000 && chip_base == 24);
    CHECK(found_calls == 0 && !searched);
}

TEST(nothing_is_searched_without_a_fadt_or_a_dsdt)
{
    struct acpi_pci p;

    begin(false, true);
    acpi_find_mmio(note, table);
    CHECK(!acpi_find_pci(&p));
    CHECK(found_calls == 0 && !searched);
    begin(true, false);
    CHECK(!acpi_find_pci(&p));
    CHECK(!searched);
}
