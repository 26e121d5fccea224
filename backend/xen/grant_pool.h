/* SPDX-License-Identifier: ISC */
/*
 * grant_pool: pages that stay granted to one domain (persistent grants), and
 * are handed out as lists. The pool grows as pages are asked for.
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
    unsigned count; /* granted */
    uint16_t free;
};

void grant_pool_init(struct grant_pool *p);

/*
 * Takes count pages, which domain may write to, as a list of places in
 * p->page. False: there are not so many, and *list is empty.
 */
bool grant_pool_alloc(struct grant_pool *p, uint16_t domain, size_t count,
                      uint16_t *list);

/* Gives a list back, and empties it. The pages stay granted. */
void grant_pool_free(struct grant_pool *p, uint16_t *list);

/* Grants all pages to domain, where none is granted any more (a migration).
 * False: there are not enough grants. */
bool grant_pool_regrant(struct grant_pool *p, uint16_t domain);

/*
 * Takes back and frees the pages of a pool that is used no more. Returns how
 * many the other domain still uses; then this is to be called again.
 */
unsigned grant_pool_reclaim(struct grant_pool *p);

#endif
