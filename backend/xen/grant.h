/* SPDX-License-Identifier: ISC */
/*
 * grant: pages of ours that another domain may use (xen/grant_table.h), by
 * number.
 */
#ifndef XEN_GRANT_H
#define XEN_GRANT_H

#include <mirage/status.h>
#include <stdbool.h>
#include <stdint.h>

/* Asks Xen for the table, unless that was done. ERR_NO_MEMORY: Xen gives us
 * none. */
MUST_CHECK enum status grant_start(void);

/* Lets domain read the page, and write it if it may. 0: the table is full. */
uint32_t grant_give(uint16_t domain, const void *page, bool writable);

/*
 * Takes the grant back. False: the domain uses the page just now, so it still
 * is granted, and nothing else may come into it, ever, unless this is asked
 * again and is true.
 */
bool grant_take_back(uint32_t grant);

/* The guest was suspended, and has its table put in its place again. If it is
 * another domain now that is empty: what was given must be taken back, which
 * then is true, and given anew. */
void grants_go_on(void);

/* How many more can be given. */
unsigned grants_free(void);

#endif
