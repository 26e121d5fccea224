/* SPDX-License-Identifier: ISC */
/* Persistent grants (xen/io/blkif.h, feature-persistent). Lists are linked by
 * the index of the next page. */
#include "grant_pool.h"
#include "grant.h"
#include <mirage/buf.h>

void grant_pool_init(struct grant_pool *p)
{
    p->count = 0;
    p->free = GRANT_POOL_END;
}

/* Adds a page to the free list. */
static bool grow(struct grant_pool *p, uint16_t domain)
{
    struct granted *g = &p->page[p->count];

    if (p->count == GRANT_POOL_PAGES || !(g->page = page_alloc(1)))
        return false;
    g->grant = grant_access(domain, g->page, true);
    if (g->grant == 0) {
        page_free(g->page, 1);
        return false;
    }
    g->next = p->free;
    p->free = (uint16_t)p->count++;
    return true;
}

void grant_pool_free(struct grant_pool *p, uint16_t *list)
{
    uint16_t last = *list;

    if (last == GRANT_POOL_END)
        return;
    while (p->page[last].next != GRANT_POOL_END)
        last = p->page[last].next;
    p->page[last].next = p->free;
    p->free = *list;
    *list = GRANT_POOL_END;
}

bool grant_pool_alloc(struct grant_pool *p, uint16_t domain, size_t count,
                      uint16_t *list)
{
    uint16_t *end = list;

    for (*end = GRANT_POOL_END; count > 0; count--) {
        uint16_t i;

        if (p->free == GRANT_POOL_END && !grow(p, domain)) {
            grant_pool_free(p, list);
            return false;
        }
        i = p->free;
        p->free = p->page[i].next;
        *end = i;
        end = &p->page[i].next;
        *end = GRANT_POOL_END;
    }
    return true;
}
bool grant_pool_regrant(struct grant_pool *p, uint16_t domain)
{
    for (unsigned i = 0; i < p->count; i++) {
        struct granted *g = &p->page[i];

        if (!grant_end(g->grant) ||
            (g->grant = grant_access(domain, g->page, true)) == 0)
            return false;
    }
    return true;
}

unsigned grant_pool_reclaim(struct grant_pool *p)
{
    unsigned held = 0;

    for (unsigned i = 0; i < p->count; i++) {
        struct granted *g = &p->page[i];

        if (g->page && (g->grant == 0 || grant_end(g->grant))) {
            page_free(g->page, 1);
            g->page = NULL;
        } else if (g->page) {
            held++;
        }
    }
    return held;
}
