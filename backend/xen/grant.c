/* SPDX-License-Identifier: ISC */
/* Grant table of version 1 (xen/grant_table.h). The free list is kept outside
 * of the table, to which other domains write. */
#include "grant.h"
#include "guest.h"
#include "suspend.h"
#include <mirage/panic.h>
#include <mirage/platform.h>
#include <xen/grant_table.h>

#define ENTRIES  (GRANT_PAGES * 4096 / sizeof(grant_entry_v1_t))
#define RESERVED GNTTAB_NR_RESERVED_ENTRIES

static volatile grant_entry_v1_t *table;
static uint32_t next_free[ENTRIES]; /* 0: the last */
static uint32_t first_free;
static unsigned free_count;

static void restore_table(bool is_moved)
{
    (void)is_moved;
    table = guest_grant_table();
    if (!table)
        panic("Xen gives back no grant table");
}

enum status grant_start(void)
{
    static struct resume_handler after = {.on_resume = restore_table};

    if (table)
        return OK;
    table = guest_grant_table();
    if (!table)
        return ERR_NO_MEMORY;
    suspend_on_resume(&after);
    for (uint32_t i = ENTRIES - 1; i >= RESERVED; i--) {
        next_free[i] = first_free;
        first_free = i;
        free_count++;
    }
    return OK;
}

uint32_t grant_access(uint16_t domain, const void *page, bool writable)
{
    uint32_t grant = first_free;

    if (grant == 0)
        return 0;
    first_free = next_free[grant];
    free_count--;
    table[grant].domid = domain;
    table[grant].frame = (uint32_t)guest_frame(page);
    __atomic_store_n(&table[grant].flags,
                     (uint16_t)(GTF_permit_access |
                                (writable ? 0 : GTF_readonly)),
                     __ATOMIC_RELEASE);
    return grant;
}

bool grant_end(uint32_t grant)
{
    uint16_t flags = __atomic_load_n(&table[grant].flags, __ATOMIC_ACQUIRE);

    require(grant >= RESERVED && grant < ENTRIES);
    do
        if (flags & (GTF_reading | GTF_writing))
            return false;
    while (!__atomic_compare_exchange_n(&table[grant].flags, &flags, 0, false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE));
    next_free[grant] = first_free;
    first_free = grant;
    free_count++;
    return true;
}

unsigned grants_free(void)
{
    return free_count;
}
