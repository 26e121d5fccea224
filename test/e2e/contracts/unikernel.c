/* SPDX-License-Identifier: ISC */
/*
 * Runs the contracts of block devices and stacks in a guest, against backends
 * of Linux. test/e2e/xen_contract copies the contracts into this folder.
 */
#include "block_contract.h"
#include "stackv4_contract.h"
#include <mirage.h>
#include <stdio.h>

static void try_disk(const char *name, struct block *b)
{
    unsigned failures = block_contract_failures(b, 1);

    printf("%s: %u failures, sectors of %u, %s\n", name, failures,
           (unsigned)b->info.sector_size,
           block_contract_discarded() ? "discards" : "discards nothing");
}

void disks(struct block *small, struct block *large, struct block *read_only)
{
    try_disk("small", small);
    try_disk("large", large);
    printf("read-only: %u failures\n",
           block_contract_failures_read_only(read_only));
}

void stacks(struct stackv4 *server, struct stackv4 *client)
{
    printf("stacks: %u failures\n",
           contract_failures("vif", server, client,
                             ipv4_address(10, 0, 0, 2)));
}
