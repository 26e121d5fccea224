/* SPDX-License-Identifier: ISC */
/* The entries of page tables, which are in memory of the test. */
#include <mirage/platform.h>
#include <arch/cpu.h>
#define cpuid(leaf)      tested_cpuid(leaf)
#define load_cr3(table)  ((void)(table), flushes++)
#define read_cr3()       0
#define load_cr4(flags)  ((void)(flags))
#define read_cr4()       0
#define invalidate(page) ((void)(page), invalidated++)

#include <stddef.h>

static size_t flushes, invalidated;

/* A processor with pages of a GiB. */
static struct cpuid tested_cpuid(uint32_t leaf)
{
    return (struct cpuid){.a = 0x80000008,
                          .d = leaf == 0x80000001 ? 1u << 26 : 0};
}

#include "paging.c"
#include "check.h"
#include <stdlib.h>
#include <string.h>

#define TABLES 16
#define KIB    ((uint64_t)1 << 10)
#define MIB    ((uint64_t)1 << 20)
#define GIB    ((uint64_t)1 << 30)

_Alignas(4096) static uint64_t tables[TABLES][512];
static size_t used, allowed;

_Alignas(4096) char image_text[4096], image_constants[4096];
_Alignas(4096) char image_data[4096], image_end[4096];

void *bare_table_page(void)
{
    return used < allowed ? tables[used++] : NULL;
}

static void begin(void)
{
    memset(tables, 0, sizeof tables);
    used = 1;
    allowed = TABLES;
    top = tables[0];
    flushes = invalidated = 0;
}

/* The entry that maps the address, and the shift of its level. */
static uint64_t entry_of(uintptr_t address, int *shift)
{
    const uint64_t *table = top;

    for (*shift = TOP_SHIFT;; *shift -= LEVEL_SHIFT) {
        uint64_t entry = table[address >> *shift & 511];

        if (!points_to_table(entry, *shift))
            return entry;
        table = plain_table(entry);
    }
}

static bool is_mapped(uintptr_t address, uint64_t physical, uint64_t flags,
                      int shift)
{
    int found;
    uint64_t entry = entry_of(address, &found);

    if (shift > PAGE_SHIFT)
        flags |= ENTRY_LARGE;
    return found == shift && entry == (physical | flags);
}

#define WRITABLE (ENTRY_PRESENT | ENTRY_WRITABLE | ENTRY_NO_EXECUTE)

TEST(each_access_has_its_flags)
{
    begin();
    CHECK(bare_map(GIB, GIB, 4 * KIB, READ_ONLY));
    CHECK(is_mapped(GIB, GIB, ENTRY_PRESENT | ENTRY_NO_EXECUTE, PAGE_SHIFT));
    CHECK(bare_map(GIB, GIB, 4 * KIB, READ_WRITE));
    CHECK(is_mapped(GIB, GIB, WRITABLE, PAGE_SHIFT));
    CHECK(bare_map(GIB, GIB, 4 * KIB, READ_EXECUTE));
    CHECK(is_mapped(GIB, GIB, ENTRY_PRESENT, PAGE_SHIFT));
    CHECK(bare_map(GIB, GIB, 4 * KIB, NO_ACCESS));
    CHECK(is_mapped(GIB, 0, 0, PAGE_SHIFT));
}

TEST(registers_of_a_device_are_writable_and_not_cached)
{
    begin();
    CHECK(bare_map(0xfee00000, 0xfee00000, 4 * KIB, DEVICE));
    CHECK(is_mapped(0xfee00000, 0xfee00000, WRITABLE | 1 << 3 | 1 << 4,
                    PAGE_SHIFT));
    CHECK(bare_map(0xfee00000, 0xfee00000, 4 * KIB, READ_WRITE));
    CHECK(is_mapped(0xfee00000, 0xfee00000, WRITABLE, PAGE_SHIFT));
}

TEST(a_device_within_a_large_page_leaves_the_rest_of_it_cached)
{
    begin();
    CHECK(bare_map(2 * GIB, 2 * GIB, 2 * MIB, READ_WRITE));
    CHECK(is_mapped(2 * GIB, 2 * GIB, WRITABLE, LARGE_SHIFT));
    CHECK(bare_map(2 * GIB + 8 * KIB, 2 * GIB + 8 * KIB, 4 * KIB, DEVICE));
    CHECK(is_mapped(2 * GIB + 8 * KIB, 2 * GIB + 8 * KIB,
                    WRITABLE | ENTRY_UNCACHED, PAGE_SHIFT));
    CHECK(is_mapped(2 * GIB + 4 * KIB, 2 * GIB + 4 * KIB, WRITABLE,
                    PAGE_SHIFT));
    CHECK(is_mapped(2 * GIB + 2 * MIB - 4 * KIB, 2 * GIB + 2 * MIB - 4 * KIB,
                    WRITABLE, PAGE_SHIFT));
}

TEST(pages_are_as_large_as_the_alignment_of_both_addresses_allows)
{
    begin();
    CHECK(bare_map(4 * GIB, 4 * GIB, GIB + 2 * MIB + 4 * KIB, READ_WRITE));
    CHECK(is_mapped(4 * GIB, 4 * GIB, WRITABLE, LARGE_SHIFT + LEVEL_SHIFT));
    CHECK(is_mapped(5 * GIB, 5 * GIB, WRITABLE, LARGE_SHIFT));
    CHECK(is_mapped(5 * GIB + 2 * MIB, 5 * GIB + 2 * MIB, WRITABLE,
                    PAGE_SHIFT));
    CHECK(bare_map(8 * GIB, 8 * GIB + 4 * KIB, 2 * MIB, READ_WRITE));
    CHECK(is_mapped(8 * GIB, 8 * GIB + 4 * KIB, WRITABLE, PAGE_SHIFT));
}

TEST(a_few_changed_pages_are_invalidated_one_by_one)
{
    begin();
    CHECK(bare_map(GIB, GIB, 12 * KIB, READ_WRITE));
    CHECK(invalidated == 3 && flushes == 0);
    CHECK(bare_map(GIB, GIB, 65 * 4 * KIB, READ_WRITE));
    CHECK(invalidated == 3 && flushes == 1);
}

TEST(without_a_page_for_tables_mapping_fails)
{
    begin();
    allowed = used + 2;
    CHECK(!bare_map(GIB, GIB, 4 * KIB, READ_WRITE));
    allowed++;
    CHECK(bare_map(GIB, GIB, 4 * KIB, READ_WRITE));
}

static size_t seen_size, seen_writable, seen_executable;

static void see(void *ctx, uintptr_t address, size_t size, bool writable,
                bool executable)
{
    (void)ctx;
    CHECK(address >= GIB && address < 2 * GIB);
    seen_size += size;
    seen_writable += writable ? size : 0;
    seen_executable += executable ? size : 0;
}

TEST(pages_that_are_mapped_are_seen_with_their_access)
{
    begin();
    seen_size = seen_writable = seen_executable = 0;
    CHECK(bare_map(GIB, GIB, 2 * MIB, READ_WRITE));
    CHECK(bare_map(GIB, GIB, 4 * KIB, READ_EXECUTE));
    CHECK(bare_map(GIB + 4 * KIB, GIB, 4 * KIB, NO_ACCESS));
    bare_visit_pages(see, NULL);
    CHECK(seen_size == 2 * MIB - 4 * KIB);
    CHECK(seen_writable == 2 * MIB - 8 * KIB);
    CHECK(seen_executable == 4 * KIB);
}
