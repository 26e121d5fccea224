/* SPDX-License-Identifier: ISC */
/*
 * Four levels of page tables. Memory is mapped in pages as large as alignment
 * and the processor allow; a large page is split when a part of it changes.
 */
#include "cpu.h"
#include <mirage/bare.h>

#define PRESENT    ((uint64_t)1)
#define WRITABLE   ((uint64_t)2)
#define LARGE      ((uint64_t)0x80)
#define NO_EXECUTE ((uint64_t)1 << 63)
#define ADDRESS    ((uint64_t)0x000ffffffffff000)
#define TOP_SHIFT  39 /* of the highest level; each below has 9 bits fewer */
#define LOW_SHIFT  12

/* The parts of the image; see image.ld. */
extern char image_text[], image_constants[], image_data[], image_end[];

static uint64_t *top;

static bool has_1g_pages(void)
{
    return cpuid(0x80000000).a >= 0x80000001 &&
           (cpuid(0x80000001).d & 1u << 26);
}

static uint64_t flags_of(enum access access)
{
    switch (access) {
    case READ_ONLY: return PRESENT | NO_EXECUTE;
    case READ_WRITE: return PRESENT | WRITABLE | NO_EXECUTE;
    case READ_EXECUTE: return PRESENT;
    default: return 0;
    }
}

/* The table below an entry: made, or split from a large page, if need be. */
static uint64_t *table_below(uint64_t *entry, int shift)
{
    uint64_t *table;

    if ((*entry & PRESENT) && !(*entry & LARGE))
        return (uint64_t *)(uintptr_t)(*entry & ADDRESS);
    table = bare_table_page();
    if (!table)
        return NULL;
    if (*entry & PRESENT) {
        uint64_t part = (uint64_t)1 << (shift - 9);
        uint64_t keep = shift - 9 == LOW_SHIFT ? *entry & ~LARGE : *entry;

        for (uint64_t i = 0; i < 512; i++)
            table[i] = keep + i * part;
    }
    *entry = (uintptr_t)table | PRESENT | WRITABLE;
    return table;
}

bool bare_map(uintptr_t address, uint64_t physical, size_t size,
              enum access access)
{
    uint64_t flags = flags_of(access);
    int      largest = has_1g_pages() ? 30 : 21;

    while (size > 0) {
        uint64_t *table = top, *entry;
        int       shift = TOP_SHIFT;
        size_t    step;

        for (;;) {
            entry = &table[address >> shift & 511];
            step = (size_t)1 << shift;
            if (shift == LOW_SHIFT ||
                (shift <= largest && size >= step &&
                 ((address | physical) & (step - 1)) == 0 &&
                 (!(*entry & PRESENT) || (*entry & LARGE))))
                break;
            table = table_below(entry, shift);
            if (!table)
                return false;
            shift -= 9;
        }
        *entry = flags ? physical | flags | (shift > LOW_SHIFT ? LARGE : 0)
                       : 0;
        invalidate((const void *)address);
        address += step;
        physical += step;
        size -= step;
    }
    return true;
}

static bool map_part(const char *from, const char *to, enum access access)
{
    return bare_map((uintptr_t)from, (uintptr_t)from, (size_t)(to - from),
                    access);
}

bool bare_paging_start(void)
{
    top = bare_table_page();
    return top && map_part(image_text, image_constants, READ_EXECUTE) &&
           map_part(image_constants, image_data, READ_ONLY) &&
           map_part(image_data, image_end, READ_WRITE);
}

void bare_paging_use(void)
{
    load_cr3((uintptr_t)top);
}
