/* SPDX-License-Identifier: ISC */
/*
 * taken: memory that the code under test allocates for the image's whole life.
 * It is freed when an input ends, so that each starts anew.
 */
#ifndef FUZZ_TAKEN_H
#define FUZZ_TAKEN_H

#include "platform.h"
#include <mirage/buf.h>

static struct {
    void *at;
    size_t count; /* pages; 0: it was allocated */
    bool is_freed; /* pages that stay until the input ends */
} taken[65536];
static size_t taken_count;

/* Notes count pages, or an allocation; at may be NULL. */
static inline void *note(void *at, size_t count)
{
    check(taken_count < sizeof taken / sizeof taken[0]);
    if (at) {
        taken[taken_count].at = at;
        taken[taken_count].is_freed = false;
        taken[taken_count++].count = count;
    }
    return at;
}

static inline void forget(void *at)
{
    for (size_t i = taken_count; i-- > 0;)
        if (taken[i].at == at) {
            taken[i] = taken[--taken_count];
            return;
        }
    check(!at);
}

static inline void free_taken(void)
{
    while (taken_count > 0) {
        taken_count--;
        if (taken[taken_count].count > 0)
            page_free(taken[taken_count].at, taken[taken_count].count);
        else
            free(taken[taken_count].at);
    }
}

#endif
