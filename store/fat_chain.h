/* SPDX-License-Identifier: ISC */
/*
 * fat_chain: seeking in the cluster chain of a file. For the files used last,
 * clusters at regular distances are kept, so that a seek does not follow the
 * chain from its first cluster.
 */
#ifndef STORE_FAT_CHAIN_H
#define STORE_FAT_CHAIN_H

#include "fat_fs.h"

/* Finds the nth cluster, from 0, of the chain that begins with cluster first.
 * ERR_CORRUPT: it has fewer. Other errors: those of fat_table.h. */
MUST_CHECK enum status fat_chain_nth(struct fat *f, uint32_t first, uint32_t n,
                                     uint32_t *cluster);

/* Forgets a chain that was cut or freed. */
void fat_chain_forget(struct fat *f, uint32_t first);

#endif
