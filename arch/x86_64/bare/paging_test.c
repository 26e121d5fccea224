/* SPDX-License-Identifier: ISC */
/* The entries of page tables, which are in memory of the test. */
#include <mirage/platform.h>
#include <arch/cpu.h>
#define cpuid(leaf)      tested_cpuid(leaf)
#define load_cr3(table)  ((void)(cr3 = (table)), flushes++)
#define read_cr3()       cr3
#define load_cr4(flags)  ((void)(cr4 = (flags)))
#define read_cr4()       cr4
#define invalidate(page) ((void)(page), invalidated++)

#include <stddef.h>

#include <stdint.h>

static size_t flushes, invalidated;
static uint64_t cr3, cr4;
static struct cpuid leaf_7; /* beyond the last leaf others are read */
static uint32_t last_leaf = 7;

/* A processor with pages of a GiB. */
static struct cpuid tested_cpuid(uint32_t leaf)
{
    if (leaf == 0)
        return (struct cpuid){.a = last_leaf};
    if (leaf == 7)
        return last_leaf >= 7 ? leaf_7 : (struct cpuid){~0u, ~0u, ~0u, ~0u};
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

/* The image: a page of each part, in the order of image.ld. */
__asm__(".pushsection .bss\n"
        ".globl image_text, image_constants, image_data, image_end\n"
        ".balign 4096\n"
        "image_text: .skip 4096\n"
        "image_constants: .skip 4096\n"
        "image_data: .skip 4096\n"
        "image_end: .skip 4096\n"
        ".popsection\n");

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

static uint64_t entry_at(const char *part)
{
    int found;
    uint64_t entry = entry_of((uintptr_t)part, &found);

    return entry & ~ENTRY_ADDRESS;
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

static void no_upper_half(void *ctx, uintptr_t address, size_t size,
                          bool writable, bool executable)
{
    ++*(size_t *)ctx;
    CHECK(address < (uintptr_t)1 << 47);
    CHECK(size == 4 * KIB && writable && !executable);
}

/* The hypervisor's, in a PV guest. */
TEST(pages_of_the_upper_half_are_not_seen)
{
    size_t seen = 0;

    begin();
    CHECK(bare_map((uintptr_t)1 << 46, GIB, 4 * KIB, READ_WRITE));
    top[256] = top[128];
    bare_visit_pages(no_upper_half, &seen);
    CHECK(seen == 1);
}

/* A writable page below an entry that is not, or the other way round, cannot be
 * written; the same for execution. */
TEST(an_entry_of_any_level_can_refuse_an_access)
{
    begin();
    seen_size = seen_writable = seen_executable = 0;
    CHECK(bare_map(GIB, GIB, 4 * KIB, READ_EXECUTE));
    CHECK(bare_map(GIB + 4 * KIB, GIB, 4 * KIB, READ_WRITE));
    plain_table(top[0])[1] |= ENTRY_NO_EXECUTE;
    bare_visit_pages(see, NULL);
    CHECK(seen_executable == 0 && seen_writable == 4 * KIB);
    plain_table(top[0])[1] &= ~ENTRY_WRITABLE;
    seen_writable = 0;
    bare_visit_pages(see, NULL);
    CHECK(seen_writable == 0);
}

TEST(a_part_of_the_image_is_writable_or_executable_or_neither)
{
    begin();
    CHECK(bare_paging_start());
    CHECK(entry_at(image_text) == ENTRY_PRESENT);
    CHECK(entry_at(image_constants) == (ENTRY_PRESENT | ENTRY_NO_EXECUTE));
    CHECK(entry_at(image_data) == WRITABLE);
    CHECK(entry_at(image_end) == 0);
}

TEST(without_a_page_for_the_first_table_paging_does_not_start)
{
    begin();
    top = NULL;
    allowed = used;
    CHECK(!bare_paging_start());
    allowed = TABLES;
    CHECK(bare_paging_start() && top == tables[1]);
    for (size_t more = 0; more < 3; more++) {
        begin();
        allowed = used + more;
        CHECK(!bare_paging_start());
    }
}

static uint64_t cr4_with(uint32_t last, uint32_t b, uint32_t c)
{
    last_leaf = last;
    leaf_7 = (struct cpuid){.b = b, .c = c};
    cr4 = 0x20;
    cr3 = 0;
    bare_paging_use();
    CHECK(cr3 == (uintptr_t)top);
    return cr4;
}

/* Intel's manual, volume 3, 2.5: bits 20, 21 and 11. */
TEST(user_pages_are_refused_as_far_as_the_processor_can)
{
    begin();
    CHECK(cr4_with(7, 0, 0) == 0x20);
    CHECK(cr4_with(7, 1u << 7, 0) == (0x20 | 1u << 20));
    CHECK(cr4_with(7, 1u << 20, 0) == (0x20 | 1u << 21));
    CHECK(cr4_with(7, 0, 1u << 2) == (0x20 | 1u << 11));
    CHECK(cr4_with(7, ~(1u << 7 | 1u << 20), ~(1u << 2)) == 0x20);
    CHECK(cr4_with(6, 0, 0) == 0x20);
}

static bool by_hypercalls(uint64_t *entry, int shift, uint64_t physical,
                          uint64_t flags)
{
    return plain_leaf(entry, shift, physical, flags);
}

static const struct paging others = {plain_largest, plain_table, plain_link,
                                     by_hypercalls, plain_changed};

TEST(tables_of_a_pv_guest_are_in_use_already)
{
    begin();
    paging_set(&others, tables[0]);
    cr3 = 5;
    bare_paging_use();
    CHECK(cr3 == 5 && top == tables[0]);
    paging_set(&plain, tables[0]);
}

/* From 65 pages on all of the TLB is flushed. */
TEST(the_tlb_is_flushed_for_each_page_that_changes)
{
    begin();
    CHECK(bare_map(GIB, GIB, 64 * 4 * KIB, READ_WRITE));
    CHECK(invalidated == 64 && flushes == 0);
}

TEST(a_large_page_is_replaced_whole)
{
    begin();
    CHECK(bare_map(4 * GIB, 4 * GIB, GIB, READ_WRITE));
    CHECK(bare_map(4 * GIB, 4 * GIB, GIB, READ_ONLY));
    CHECK(is_mapped(4 * GIB, 4 * GIB, ENTRY_PRESENT | ENTRY_NO_EXECUTE,
                    LARGE_SHIFT + LEVEL_SHIFT));
    CHECK(bare_map(4 * GIB, 0, 4 * KIB, NO_ACCESS));
    CHECK(is_mapped(4 * GIB, 0, 0, PAGE_SHIFT));
    CHECK(is_mapped(4 * GIB + 4 * KIB, 4 * GIB + 4 * KIB,
                    ENTRY_PRESENT | ENTRY_NO_EXECUTE, PAGE_SHIFT));
    CHECK(is_mapped(5 * GIB - 2 * MIB, 5 * GIB - 2 * MIB,
                    ENTRY_PRESENT | ENTRY_NO_EXECUTE, LARGE_SHIFT));
    /* A table that is there is kept, even if a large page would do. */
    CHECK(bare_map(4 * GIB, 4 * GIB, 2 * MIB, READ_WRITE));
    CHECK(is_mapped(4 * GIB, 4 * GIB, WRITABLE, PAGE_SHIFT));
}

TEST(a_new_table_maps_nothing_but_what_was_asked_for)
{
    begin();
    CHECK(bare_map(GIB + 4 * KIB, GIB, 4 * KIB, READ_ONLY));
    CHECK(is_mapped(GIB, 0, 0, PAGE_SHIFT));
    CHECK(is_mapped(GIB + 8 * KIB, 0, 0, PAGE_SHIFT));
}
