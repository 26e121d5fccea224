/* SPDX-License-Identifier: ISC */
/*
 * What any disk must do (mirage/block.h): random reads, writes and discards
 * against a model in memory, what must be refused, many fibers at once.
 */
#ifndef CONFORM_BLOCK_CONTRACT_H
#define CONFORM_BLOCK_CONTRACT_H

#include <mirage/block.h>
#include <stdbool.h>

/* The number of things that were not so; each is printed. The disk is of zeros,
 * can be written to, and has 240 sectors at least. */
unsigned block_contract_failures(struct block *b, uint64_t seed);

/* Whether that disk did discard, when it was asked to. */
bool block_contract_discarded(void);

/* The same of a disk that is read-only, with anything on it. */
unsigned block_contract_failures_read_only(struct block *b);

#endif
