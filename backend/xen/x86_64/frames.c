/* SPDX-License-Identifier: ISC */
/* Frame numbers of pages, and the grant table, for both kinds of guest. */
#include "kinds.h"
#include <xen/hypercall.h>
#include <mirage/bare.h>
#include <xen/grant_table.h>
#include <xen/memory.h>

_Alignas(4096) static uint8_t grant_pages[GRANT_PAGES][BARE_PAGE];

uint64_t guest_frame(const void *page)
{
    return xen.is_pv ? pv_frame(page) : (uintptr_t)page / BARE_PAGE;
}

static bool pv_place_table(void)
{
    xen_pfn_t frames[GRANT_PAGES] = {0};
    struct gnttab_setup_table setup = {.dom = DOMID_SELF,
                                       .nr_frames = GRANT_PAGES};

    set_xen_guest_handle(setup.frame_list, frames);
    if (HYPERCALL(__HYPERVISOR_grant_table_op, GNTTABOP_setup_table, &setup, 1,
                  0) != 0 ||
        setup.status != GNTST_okay)
        return false;
    for (int i = 0; i < GRANT_PAGES; i++)
        if (!pv_place(grant_pages[i], frames[i]))
            return false;
    return true;
}

static bool pvh_place_table(void)
{
    for (int i = 0; i < GRANT_PAGES; i++) {
        struct xen_add_to_physmap place = {
            .domid = DOMID_SELF,
            .space = XENMAPSPACE_grant_table,
            .idx = (unsigned)i,
            .gpfn = (uintptr_t)grant_pages[i] / BARE_PAGE,
        };

        if (HYPERCALL2(__HYPERVISOR_memory_op, XENMEM_add_to_physmap, &place) !=
            0)
            return false;
    }
    return true;
}

void *guest_grant_table(void)
{
    return (xen.is_pv ? pv_place_table() : pvh_place_table()) ? grant_pages
                                                              : NULL;
}
