/* SPDX-License-Identifier: ISC */
/*
 * page_notes: the addresses of pages that a balloon has given to the host, in
 * lists of 510. Each list takes a page itself.
 */
#ifndef BARE_PAGE_NOTES_H
#define BARE_PAGE_NOTES_H

#include "pages.h"

#define NOTED (512u - 2u) /* addresses in one page */

struct note {
    struct note *next;
    size_t count;
    void *page[NOTED];
};

/* Returns a list with a free place, which is then *first. NULL: there is no
 * page for one. */
static inline struct note *open_note(struct note **first)
{
    struct note *n = *first;

    if (n && n->count < NOTED)
        return n;
    n = pages_alloc(1);
    if (!n)
        return NULL;
    n->next = *first;
    n->count = 0;
    return *first = n;
}

#endif
