/* SPDX-License-Identifier: ISC */
/*
 * grant: pages of ours that another domain may use (xen/grant_table.h), by
 * number. Where the guest is another domain, after it was suspended, the table
 * is empty: what was given must be taken back, which then is true, and given
 * anew.
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
uint32_t grant_access(uint16_t domain, const void *page, bool writable);

/*
 * Takes the grant back. False: the domain uses the page just now, so it still
 * is granted, and nothing else may come into it, ever, unless this is asked
 * again and is true.
 */
bool grant_end(uint32_t grant);

/* How many more can be given. */
unsigned grants_free(void);

#endif
