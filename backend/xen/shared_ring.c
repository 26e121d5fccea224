/* SPDX-License-Identifier: ISC */
/* The granted pages of a ring (xen/io/ring.h). */
#include "shared_ring.h"
#include "grant.h"
#include <mirage/buf.h>

enum status ring_alloc(struct ring_pages *r, uint16_t domain, unsigned count)
{
    *r = (struct ring_pages){.pages = page_alloc(count), .count = count};
    if (!r->pages)
        return ERR_NO_MEMORY;
    for (unsigned i = 0; i < count; i++) {
        const uint8_t *page = (uint8_t *)r->pages + i * PAGE_BYTES;

        r->grant[i] = grant_access(domain, page, true);
        if (r->grant[i] == 0) {
            (void)ring_free(r);
            return ERR_NO_MEMORY;
        }
    }
    return OK;
}

unsigned ring_free(struct ring_pages *r)
{
    unsigned held = 0;

    if (!r->pages)
        return 0;
    for (unsigned i = 0; i < r->count; i++)
        if (r->grant[i] && grant_end(r->grant[i]))
            r->grant[i] = 0;
        else if (r->grant[i])
            held++;
    if (held > 0)
        return held;
    page_free(r->pages, r->count);
    r->pages = NULL;
    return 0;
}
