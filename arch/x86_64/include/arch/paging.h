/* SPDX-License-Identifier: ISC */
/*
 * paging: how page tables are read and changed: by ourselves (what is here
 * unless somebody says otherwise), or, where a hypervisor keeps them, by
 * asking it.
 */
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

/* Levels of tables, by the bits of an address below them. */
#define LEVEL_SHIFT 9
#define TOP_SHIFT   39
#define LARGE_SHIFT 21
#define PAGE_SHIFT  12

struct paging {
    /* The largest that leaf takes. */
    int (*largest)(void);

    /* The table that a present entry leads to. */
    uint64_t *(*table)(uint64_t entry);

    /* Lets entry lead to a filled table. False: it cannot. */
    bool (*link)(uint64_t *entry, uint64_t *table);

    /*
     * Lets entry, whose level is shift, be the memory at physical with these
     * flags; flags 0: nothing. False: no page was left for it.
     */
    bool (*leaf)(uint64_t *entry, int shift, uint64_t physical,
                 uint64_t flags);

    /* Entries of these addresses have changed: from here on it is so. */
    void (*changed)(uintptr_t address, size_t size);
};

/* The tables at top are in use, and p is how they are changed. */
void paging_take(const struct paging *p, uint64_t *top);

#endif
