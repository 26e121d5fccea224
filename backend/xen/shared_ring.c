/* SPDX-License-Identifier: ISC */
#include "shared_ring.h"
#include "grant.h"
#include <mirage/buf.h>

enum status ring_take(struct ring_pages *r, uint16_t domain, unsigned count)
{
    *r = (struct ring_pages){.pages = page_alloc(count), .count = count};
    if (!r->pages)
        return ERR_NO_MEMORY;
    for (unsigned i = 0; i < count; i++) {
        const uint8_t *page = (uint8_t *)r->pages + i * PAGE_BYTES;

        r->grant[i] = grant_give(domain, page, true);
        if (r->grant[i] == 0) {
            ring_drop(r);
            return ERR_NO_MEMORY;
        }
    }
    return OK;
}

void ring_drop(struct ring_pages *r)
{
    bool is_ours = true;

    if (!r->pages)
        return;
    for (unsigned i = 0; i < r->count; i++)
        if (r->grant[i] && !grant_take_back(r->grant[i]))
            is_ours = false;
    if (is_ours)
        page_free(r->pages, r->count);
    r->pages = NULL;
}
