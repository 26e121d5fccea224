/* SPDX-License-Identifier: ISC */
/*
 * Page tables of four levels (Intel's manual, volume 3, 4.5). Pages are as
 * large as alignment and the processor allow; a large page is split when a part
 * of it is mapped otherwise.
 */
#include <arch/paging.h>
#include <arch/cpu.h>
#include <mirage/bare.h>

#define CR4_UMIP (1u << 11)
#define CR4_SMEP (1u << 20)
#define CR4_SMAP (1u << 21)

/* The parts of the image (image.ld). */
extern char image_text[], image_constants[], image_data[], image_end[];

/* Cached, since each CPUID is an exit of the virtual machine. */
static int plain_largest(void)
{
    static int largest;

    if (!largest)
        largest = cpuid(0x80000000).a >= 0x80000001 &&
                          (cpuid(0x80000001).d & 1u << 26)
                      ? LARGE_SHIFT + LEVEL_SHIFT
                      : LARGE_SHIFT;
    return largest;
}

static uint64_t *plain_table(uint64_t entry)
{
    return (uint64_t *)(uintptr_t)(entry & ENTRY_ADDRESS);
}

static bool plain_link(uint64_t *entry, uint64_t *table)
{
    *entry = (uintptr_t)table | ENTRY_PRESENT | ENTRY_WRITABLE;
    return true;
}

static bool plain_leaf(uint64_t *entry, int shift, uint64_t physical,
                       uint64_t flags)
{
    *entry = flags ? physical | flags | (shift > PAGE_SHIFT ? ENTRY_LARGE : 0)
                   : 0;
    return true;
}

static void plain_changed(uintptr_t address, size_t size)
{
    if (size > 64 * BARE_PAGE)
        load_cr3(read_cr3());
    else
        for (size_t at = 0; at < size; at += BARE_PAGE)
            invalidate((const void *)(address + at));
}

static const struct paging plain = {plain_largest, plain_table, plain_link,
                                    plain_leaf, plain_changed};

static const struct paging *paging = &plain;
static uint64_t *top;

void paging_set(const struct paging *p, uint64_t *table)
{
    paging = p;
    top = table;
}

static uint64_t flags_of(enum access access)
{
    static const uint8_t low[] = {
        [READ_ONLY] = ENTRY_PRESENT,
        [READ_WRITE] = ENTRY_PRESENT | ENTRY_WRITABLE,
        [READ_EXECUTE] = ENTRY_PRESENT,
        [DEVICE] = ENTRY_PRESENT | ENTRY_WRITABLE | ENTRY_UNCACHED};

    if (access == NO_ACCESS)
        return 0;
    return low[access] | (access == READ_EXECUTE ? 0 : ENTRY_NO_EXECUTE);
}

static bool points_to_table(uint64_t entry, int shift)
{
    return shift > PAGE_SHIFT && (entry & ENTRY_PRESENT) &&
           !(entry & ENTRY_LARGE);
}

/* Returns the table that entry points to; creates it, or splits a large page.
 * */
static uint64_t *table_below(uint64_t *entry, int shift)
{
    uint64_t *table;

    if (points_to_table(*entry, shift))
        return paging->table(*entry);
    table = bare_table_page();
    if (!table)
        return NULL;
    if (*entry & ENTRY_PRESENT) {
        int below = shift - LEVEL_SHIFT;
        uint64_t keep = below == PAGE_SHIFT ? *entry & ~ENTRY_LARGE : *entry;

        for (uint64_t i = 0; i < 512; i++)
            table[i] = keep + (i << below);
    }
    return paging->link(entry, table) ? table : NULL;
}

bool bare_map(uintptr_t address, uint64_t physical, size_t size,
              enum access access)
{
    uintptr_t from = address, end = address + size;
    uint64_t flags = flags_of(access);
    int largest = paging->largest();

    while (address < end) {
        uint64_t *table = top, *entry;
        int shift = TOP_SHIFT;
        size_t step;

        for (;;) {
            entry = &table[address >> shift & 511];
            step = (size_t)1 << shift;
            if (shift == PAGE_SHIFT ||
                (shift <= largest && end - address >= step &&
                 ((address | physical) & (step - 1)) == 0 &&
                 !points_to_table(*entry, shift)))
                break;
            table = table_below(entry, shift);
            if (!table)
                break;
            shift -= LEVEL_SHIFT;
        }
        if (!table || !paging->leaf(entry, shift, physical, flags))
            break;
        address += step;
        physical += step;
    }
    paging->changed(from, address - from);
    return address == end;
}

static void visit_table(const uint64_t *table, int shift, uintptr_t from,
                        uint64_t above, bare_page_visitor *visit, void *ctx)
{
    /* The upper half is not used, or is the hypervisor's. */
    size_t count = shift == TOP_SHIFT ? 256 : 512;

    for (size_t i = 0; i < count; i++) {
        uint64_t entry = table[i];
        uintptr_t address = from + ((uintptr_t)i << shift);
        uint64_t refused = above | (entry & ENTRY_NO_EXECUTE) |
                           (~entry & ENTRY_WRITABLE);

        if (points_to_table(entry, shift))
            visit_table(paging->table(entry), shift - LEVEL_SHIFT, address,
                        refused, visit, ctx);
        else if (entry & ENTRY_PRESENT)
            visit(ctx, address, (size_t)1 << shift,
                  !(refused & ENTRY_WRITABLE), !(refused & ENTRY_NO_EXECUTE));
    }
}

void bare_visit_pages(bare_page_visitor *visit, void *ctx)
{
    visit_table(top, TOP_SHIFT, 0, 0, visit, ctx);
}

static bool map_part(const char *from, const char *to, enum access access)
{
    return bare_map((uintptr_t)from, (uintptr_t)from, (size_t)(to - from),
                    access);
}

bool bare_paging_start(void)
{
    if (!top)
        top = bare_table_page();
    return top && map_part(image_text, image_constants, READ_EXECUTE) &&
           map_part(image_constants, image_data, READ_ONLY) &&
           map_part(image_data, image_end, READ_WRITE);
}

/*
 * No page is a user page. Where the processor has SMEP, SMAP and UMIP, user
 * pages, which only damaged tables can have, are neither executed nor accessed,
 * and user code cannot read the addresses of descriptor tables.
 */
static void refuse_user_pages(void)
{
    struct cpuid has = {0};

    if (cpuid(0).a >= 7)
        has = cpuid(7);
    load_cr4(read_cr4() | (has.b & 1u << 7 ? CR4_SMEP : 0) |
             (has.b & 1u << 20 ? CR4_SMAP : 0) |
             (has.c & 1u << 2 ? CR4_UMIP : 0));
}

void bare_paging_use(void)
{
    if (paging != &plain)
        return;
    load_cr3((uintptr_t)top);
    refuse_user_pages();
}
