/* SPDX-License-Identifier: ISC */
/* ACPI's tables in physical memory, whole and damaged. */
#include "acpi.c"
#include "check.h"
#include <stdlib.h>
#include <string.h>

#define FIRST   0xe0000u /* the physical address of memory with tables */
#define PAGES   8u
#define WIDTH   64u /* pages of addresses that can be mapped */
#define RSDP_AT (FIRST + 0x100)
#define ROOT    (FIRST + 0x200)
#define FADT    (FIRST + 0x1ff0) /* across two pages */
#define DSDT    (FIRST + 0x3000)
#define MADT    (FIRST + 0x4000)
#define BEYOND  (FIRST + PAGES * BARE_PAGE)

struct start machine_start;

static uint8_t memory[PAGES * BARE_PAGE];
static bool has_pages;

/* Mapping is copying, to where it is to be. */
bool bare_map(uintptr_t address, uint64_t physical, size_t size,
              enum access access)
{
    CHECK(address % BARE_PAGE == 0 && physical % BARE_PAGE == 0);
    CHECK(size % BARE_PAGE == 0 && access == READ_ONLY);
    if (!has_pages || physical < FIRST || physical + size > BEYOND)
        return false;
    memcpy((void *)address, memory + (physical - FIRST), size);
    return true;
}

static uint8_t *at(uint64_t physical)
{
    return memory + (physical - FIRST);
}

static void put(uint64_t physical, uint64_t value, size_t len)
{
    memcpy(at(physical), &value, len);
}

/* Sets the byte that makes the sum zero. */
static void sum_up(uint64_t physical, size_t len, size_t byte)
{
    uint8_t sum = 0;

    at(physical)[byte] = 0;
    for (size_t i = 0; i < len; i++)
        sum = (uint8_t)(sum + at(physical)[i]);
    at(physical)[byte] = (uint8_t)-sum;
}

static void finish(uint64_t physical, uint32_t signature, uint32_t len)
{
    put(physical, signature, 4);
    put(physical + 4, len, 4);
    sum_up(physical, len, 9);
}

/* Tables as QEMU's microvm has them, with 64 bits, or its pc, with 32. */
static void begin(size_t width)
{
    static const uint8_t structures[] = {
        1, 12, 0, 0, 1, 2, 3, 4, 0, 0, 0, 0, /* an I/O APIC */
        2, 10, 0, 9, 9, 0, 0, 0, 13, 0}; /* an override */
    static _Alignas(4096) uint8_t mapped[WIDTH * BARE_PAGE];

    memset(memory, 0, sizeof memory);
    window = (uintptr_t)mapped;
    has_pages = true;
    machine_start = (struct start){.rsdp = RSDP_AT};
    machine_start.region[0] = (struct region){0x100000, 0x100000};
    machine_start.regions = 1;
    memcpy(at(RSDP_AT), "RSD PTR ", 8);
    at(RSDP_AT)[15] = width == 8 ? 2 : 0;
    put(RSDP_AT + (width == 8 ? 24 : 16), ROOT, width);
    sum_up(RSDP_AT, 20, 8);
    put(ROOT + 36, MADT, width);
    put(ROOT + 36 + width, FADT, width);
    finish(ROOT, width == 8 ? XSDT : RSDT, (uint32_t)(36 + 2 * width));
    put(FADT + (width == 8 ? 140 : 40), DSDT, width);
    finish(FADT, ACPI_FADT, width == 8 ? 268 : 116);
    finish(DSDT, ACPI_DSDT, 100);
    memcpy(at(MADT + 44), structures, sizeof structures);
    finish(MADT, ACPI_MADT, 44 + sizeof structures);
}

static bool is_found(void)
{
    struct acpi_table fadt, dsdt;

    return acpi_find(ACPI_FADT, 0, &fadt) && acpi_find_dsdt(&fadt, &dsdt) &&
           dsdt.len == 100 && get_le32(fadt.bytes) == ACPI_FADT;
}

TEST(tables_are_found_by_an_xsdt_and_by_an_rsdt)
{
    struct acpi_table t;

    begin(8);
    CHECK(is_found());
    CHECK(acpi_find(ACPI_FADT, 0, &t) && t.len == 268);
    CHECK(!acpi_find(ACPI_FADT, 1, &t) && !acpi_find(ACPI_SSDT, 0, &t));
    begin(4);
    CHECK(is_found());
}

TEST(the_second_table_of_a_kind_is_found_although_the_first_is_damaged)
{
    struct acpi_table t;

    begin(8);
    put(ROOT + 36, FADT, 8);
    put(ROOT + 44, FADT, 8);
    finish(ROOT, XSDT, 52);
    CHECK(acpi_find(ACPI_FADT, 1, &t) && !acpi_find(ACPI_FADT, 2, &t));
    put(ROOT + 36, FADT + 1, 8);
    finish(ROOT, XSDT, 52);
    CHECK(acpi_find(ACPI_FADT, 0, &t) && !acpi_find(ACPI_FADT, 1, &t));
}

TEST(a_table_whose_sum_or_signature_is_wrong_does_not_exist)
{
    static const uint64_t places[] = {RSDP_AT, RSDP_AT + 19, ROOT, ROOT + 51,
                                      FADT, FADT + 9, FADT + 267, DSDT,
                                      DSDT + 99};

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        begin(8);
        *at(places[i]) ^= 0x10;
        CHECK(!is_found());
    }
}

TEST(a_length_that_cannot_be_is_not_read)
{
    static const uint32_t lengths[] = {0, 35, TABLE_MOST + 1, UINT32_MAX,
                                       PAGES * BARE_PAGE};

    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        begin(8);
        put(DSDT + 4, lengths[i], 4);
        CHECK(!is_found());
    }
}

TEST(tables_in_memory_of_the_image_or_nowhere_are_not_read)
{
    static const uint64_t places[] = {0, 0xfff, 0x100000, 0x1fffff, BEYOND,
                                      (uint64_t)1 << 52, UINT64_MAX};

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        begin(8);
        machine_start.rsdp = places[i];
        CHECK(!is_found());
        begin(8);
        put(FADT + 140, places[i], 8);
        finish(FADT, ACPI_FADT, 268);
        CHECK(!is_found());
    }
    begin(8);
    machine_start.region[0] = (struct region){DSDT + BARE_PAGE, 1};
    CHECK(is_found());
    machine_start.region[0].base--; /* in a page of the DSDT */
    CHECK(!is_found());
    begin(8);
    has_pages = false;
    CHECK(!is_found());
}

TEST(an_xsdt_with_half_an_entry_at_its_end_is_read_without_it)
{
    struct acpi_table t;

    begin(8);
    finish(ROOT, XSDT, 48);
    CHECK(acpi_find(ACPI_MADT, 0, &t) && !acpi_find(ACPI_FADT, 0, &t));
}

static unsigned visits, kinds;

static void visit(void *ctx, const uint8_t *s)
{
    CHECK(ctx == &visits);
    visits++;
    kinds = kinds << 4 | s[0];
}

static void visit_all(void)
{
    visits = kinds = 0;
    acpi_visit_madt(visit, &visits);
}

TEST(structures_of_the_madt_are_visited_up_to_the_first_damaged_one)
{
    begin(8);
    visit_all();
    CHECK(visits == 2 && kinds == 0x12);
    at(MADT + 44)[1] = 1;
    finish(MADT, ACPI_MADT, 66);
    visit_all();
    CHECK(visits == 0);
    begin(8);
    at(MADT + 56)[1] = 11;
    finish(MADT, ACPI_MADT, 66);
    visit_all();
    CHECK(visits == 1);
    begin(8);
    finish(MADT, ACPI_MADT, 57);
    visit_all();
    CHECK(visits == 1);
    finish(MADT, ACPI_MADT, 36);
    visit_all();
    CHECK(visits == 0);
}

/* 100 GiB higher than the table, at whose lower half there is one. */
TEST(an_xsdt_has_addresses_of_64_bits_and_an_rsdt_of_32)
{
    struct acpi_table t;

    begin(8);
    put(ROOT + 44, FADT | (uint64_t)25 << 32, 8);
    finish(ROOT, XSDT, 52);
    CHECK(acpi_find(ACPI_MADT, 0, &t) && !acpi_find(ACPI_FADT, 0, &t));
    begin(4);
    CHECK(acpi_find(ACPI_MADT, 0, &t) && acpi_find(ACPI_FADT, 0, &t));
}

TEST(pages_are_mapped_for_each_byte_and_no_more)
{
    uintptr_t before;

    begin(8);
    before = window;
    CHECK(acpi_map(FIRST + BARE_PAGE - 1, 1, READ_ONLY) ==
          before + BARE_PAGE - 1);
    CHECK(window == before + BARE_PAGE);
    CHECK(acpi_map(FIRST + BARE_PAGE - 1, 2, READ_ONLY) ==
          before + 2 * BARE_PAGE - 1);
    CHECK(window == before + 3 * BARE_PAGE);
    CHECK(acpi_map(FIRST, BARE_PAGE, READ_ONLY) == before + 3 * BARE_PAGE);
    CHECK(window == before + 4 * BARE_PAGE);
    CHECK(acpi_map(BEYOND, 1, READ_ONLY) == 0);
    CHECK(window == before + 4 * BARE_PAGE);
}

TEST(an_rsdp_at_the_very_end_of_memory_is_read)
{
    begin(8);
    memcpy(at(BEYOND - RSDP), at(RSDP_AT), 36);
    machine_start.rsdp = BEYOND - 36;
    CHECK(is_found());
}

/* Of the old revision, or with an XSDT that is damaged. */
TEST(an_rsdt_is_read_where_there_is_no_xsdt)
{
    begin(4);
    at(RSDP_AT)[15] = 1;
    put(RSDP_AT + 24, FADT, 8);
    sum_up(RSDP_AT, 20, 8);
    CHECK(is_found());
    at(RSDP_AT)[15] = 2;
    sum_up(RSDP_AT, 20, 8);
    CHECK(is_found());
}

TEST(a_dsdt_is_found_by_32_bits_if_the_64_are_0)
{
    struct acpi_table fadt, dsdt;

    begin(8);
    put(FADT + 140, 0, 8);
    put(FADT + 40, DSDT, 4);
    finish(FADT, ACPI_FADT, 268);
    CHECK(is_found());
    finish(FADT, ACPI_FADT, 43);
    CHECK(acpi_find(ACPI_FADT, 0, &fadt) && !acpi_find_dsdt(&fadt, &dsdt));
    put(FADT + 40, DSDT, 4);
    finish(FADT, ACPI_FADT, 44);
    CHECK(is_found());
    put(FADT + 140, DSDT, 8);
    put(FADT + 40, 0, 4);
    finish(FADT, ACPI_FADT, 147);
    CHECK(!is_found());
    put(FADT + 140, DSDT, 8);
    finish(FADT, ACPI_FADT, 148);
    CHECK(is_found());
}
