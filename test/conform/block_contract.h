/* SPDX-License-Identifier: ISC */
/*
 * What any disk must do (mirage/block.h): random reads and writes against a
 * model in memory, what must be refused, many fibers at once.
 */
#ifndef CONFORM_BLOCK_CONTRACT_H
#define CONFORM_BLOCK_CONTRACT_H

#include <mirage/block.h>

/* The number of things that were not so; each is printed. The disk is of zeros,
 * can be written to, and has 240 sectors at least. */
unsigned block_contract_failures(struct block *b, uint64_t seed);

#endif
