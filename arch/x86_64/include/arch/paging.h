/* SPDX-License-Identifier: ISC */
/* paging: access to page tables: directly, which is the default, or by
 * hypercalls in a PV guest, whose tables Xen keeps. */
#ifndef ARCH_PAGING_H
#define ARCH_PAGING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ENTRY_PRESENT    ((uint64_t)1)
#define ENTRY_WRITABLE   ((uint64_t)2)
#define ENTRY_USER       ((uint64_t)4)
#define ENTRY_UNCACHED   ((uint64_t)0x18) /* PCD and PWT: UC in the PAT */
#define ENTRY_LARGE      ((uint64_t)0x80)
#define ENTRY_NO_EXECUTE ((uint64_t)1 << 63)
#define ENTRY_ADDRESS    ((uint64_t)0x000ffffffffff000)

/* Levels of tables, by the number of address bits that an entry covers. */
#define LEVEL_SHIFT 9
#define TOP_SHIFT   39
#define LARGE_SHIFT 21
#define PAGE_SHIFT  12

struct paging {
    /* The largest shift for leaf. */
    int (*largest)(void);

    /* The table that a present entry points to. */
    uint64_t *(*table)(uint64_t entry);

    /* Makes entry point to a complete table. False: there was no memory. */
    bool (*link)(uint64_t *entry, uint64_t *table);

    /*
     * Makes entry, which covers 1 << shift bytes, map the memory at physical
     * with these flags; 0 unmaps it. False: there was no memory.
     */
    bool (*leaf)(uint64_t *entry, int shift, uint64_t physical,
                 uint64_t flags);

    /* Flushes changed entries of these addresses from the TLB. */
    void (*changed)(uintptr_t address, size_t size);
};

/* Has the tables at top, which are in use, changed through p from now on. */
void paging_set(const struct paging *p, uint64_t *top);

#endif
