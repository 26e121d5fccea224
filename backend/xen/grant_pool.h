/* SPDX-License-Identifier: ISC */
/*
 * grant_pool: pages that stay granted to one domain (persistent grants), and
 * are allocated as lists. The pool grows as needed, up to GRANT_POOL_PAGES.
 */
#ifndef XEN_GRANT_POOL_H
#define XEN_GRANT_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GRANT_POOL_PAGES 512u
#define GRANT_POOL_END   UINT16_MAX /* of a list */

struct granted {
    void *page;
    uint32_t grant;
    uint16_t next; /* in its list; or GRANT_POOL_END */
};

struct grant_pool {
    struct granted page[GRANT_POOL_PAGES];
    unsigned count; /* pages that exist */
    uint16_t free; /* the list of unused ones */
};

void grant_pool_init(struct grant_pool *p);

/*
 * Allocates count pages, which domain may read and write, as a list of indices
 * in p->page. False: there are not so many, and *list is empty.
 */
bool grant_pool_alloc(struct grant_pool *p, uint16_t domain, size_t count,
                      uint16_t *list);

/* Frees the pages of a list, and empties it. They stay granted. */
void grant_pool_free(struct grant_pool *p, uint16_t *list);

/* Grants all pages anew, after a migration. False: there are not enough
 * grants. */
bool grant_pool_regrant(struct grant_pool *p, uint16_t domain);

/*
 * Frees the pages of a pool that is no longer used. Returns how many the other
 * domain still has mapped; then this must be called again.
 */
unsigned grant_pool_reclaim(struct grant_pool *p);

#endif
