/* SPDX-License-Identifier: ISC */
/*
 * The grant table, and Xen's operations for a domain that uses a grant. A frame
 * number is the index of a page in a hash table.
 */
#include "fake.h"
#include "daemons.h"
#include <xen/guest.h>
#include <mirage/bare.h>
#include <mirage/buf.h>
#include <string.h>
#include <xen/grant_table.h>

#define ENTRIES (GRANT_PAGES * 4096 / sizeof(grant_entry_v1_t))
#define FRAMES  65536u /* a power of two */
#define IN_USE  (GTF_reading | GTF_writing)

unsigned fake_mapped;

_Alignas(4096) static grant_entry_v1_t table[ENTRIES];
static uintptr_t frames[FRAMES]; /* by a hash of the page */
static uintptr_t heap, heap_end;
static unsigned readers[ENTRIES], writers[ENTRIES];

void fake_heap_at(const void *at, size_t len)
{
    heap = (uintptr_t)at;
    heap_end = heap + len;
}

bool bare_is_physical(const void *at, size_t len)
{
    uintptr_t from = (uintptr_t)at;

    return from + len <= heap || from >= heap_end;
}

uint64_t guest_frame(const void *page)
{
    uintptr_t address = (uintptr_t)page;
    size_t at = address / PAGE_BYTES * 2654435761u % FRAMES;

    if (address % PAGE_BYTES != 0)
        fake_fail("%p, which is granted, is no page", page);
    if (!bare_is_physical(page, PAGE_BYTES))
        fake_fail("%p, which is granted, is of the heap", page);
    while (frames[at] && frames[at] != address)
        at = (at + 1) % FRAMES;
    frames[at] = address;
    return at;
}

void *guest_grant_table(void)
{
    return table;
}

static bool permits(unsigned domain, uint32_t grant, bool write)
{
    uint16_t flags = grant < ENTRIES ? table[grant].flags : 0;

    return (flags & GTF_type_mask) == GTF_permit_access &&
           table[grant].domid == domain && !(write && flags & GTF_readonly);
}

void *fake_map(unsigned domain, uint32_t grant, bool write)
{
    if (!permits(domain, grant, write))
        return NULL;
    table[grant].flags |= write ? IN_USE : GTF_reading;
    write ? writers[grant]++ : readers[grant]++;
    fake_mapped++;
    return (void *)frames[table[grant].frame];
}

void fake_unmap(uint32_t grant, bool write)
{
    write ? writers[grant]-- : readers[grant]--;
    fake_mapped--;
    if (writers[grant] == 0)
        table[grant].flags &= (uint16_t)~GTF_writing;
    if (writers[grant] + readers[grant] == 0)
        table[grant].flags &= (uint16_t)~GTF_reading;
}

bool fake_copy(unsigned domain, uint32_t grant, size_t offset, void *data,
               size_t len, bool write)
{
    uint8_t *page;

    if (offset > PAGE_BYTES || len > PAGE_BYTES - offset ||
        !(page = fake_map(domain, grant, write)))
        return false;
    if (write)
        memcpy(page + offset, data, len);
    else
        memcpy(data, page + offset, len);
    fake_unmap(grant, write);
    return true;
}

void *fake_page(uint32_t grant)
{
    return (void *)frames[table[grant].frame];
}

uint32_t fake_any_grant(unsigned domain, uint32_t from, bool write)
{
    for (uint32_t n = 0; n < ENTRIES; n++)
        if (permits(domain, (from + n) % ENTRIES, write))
            return (from + n) % ENTRIES;
    return 0;
}

void grants_freed(const void *pages, size_t count)
{
    uintptr_t from = (uintptr_t)pages;

    for (uint32_t i = 0; i < ENTRIES; i++) {
        uintptr_t page = frames[table[i].frame % FRAMES];

        if (table[i].flags && page >= from &&
            page < from + count * PAGE_BYTES)
            fake_fail("a page is freed while grant %u still gives it away", i);
    }
}

void grants_restore(void)
{
    if (fake_mapped > 0)
        fake_fail("%u pages of a domain that is gone are mapped", fake_mapped);
    memset(table, 0, sizeof table);
}
