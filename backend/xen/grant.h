/* SPDX-License-Identifier: ISC */
/*
 * grant: pages that another domain may use, by grant references
 * (xen/grant_table.h). After a migration the table is empty: each grant must be
 * ended, which then succeeds, and its page granted anew.
 */
#ifndef XEN_GRANT_H
#define XEN_GRANT_H

#include <mirage/status.h>
#include <stdbool.h>
#include <stdint.h>

/* Maps the grant table, unless that was done. ERR_NO_MEMORY: Xen refuses it. */
MUST_CHECK enum status grant_start(void);

/* Lets domain read the page, and write to it if writable. Returns the grant
 * reference. 0: the table is full. */
uint32_t grant_access(uint16_t domain, const void *page, bool writable);

/*
 * Ends the grant. False: the domain has the page mapped, so that it still is
 * granted; the page must not be used for anything else until another call
 * succeeds.
 */
bool grant_end(uint32_t grant);

/* The number of entries that are free. */
unsigned grants_free(void);

#endif
