/* SPDX-License-Identifier: ISC */
/*
 * The contract of mirage/block.h as a test: random reads, writes and discards
 * against a model in memory, requests that must be refused, many fibers at
 * once.
 */
#ifndef CONFORM_BLOCK_CONTRACT_H
#define CONFORM_BLOCK_CONTRACT_H

#include <mirage/block.h>
#include <stdbool.h>

/* Returns the number of violations; each is printed. The disk must be writable,
 * contain zeros, and have at least 240 sectors. */
unsigned block_contract_failures(struct block *b, uint64_t seed);

/* Whether that disk supports discard. */
bool block_contract_discarded(void);

/* The same for a read-only disk with any contents. */
unsigned block_contract_failures_read_only(struct block *b);

#endif
