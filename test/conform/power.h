/* SPDX-License-Identifier: ISC */
/*
 * power: a disk in memory whose power can be cut.
 *
 * It records each write and each flush. Afterwards it can give the contents
 * that a power cut at any step may have left: all flushed writes, and any
 * subset of the later writes of single sectors. A discarded sector is
 * overwritten.
 */
#ifndef CONFORM_POWER_H
#define CONFORM_POWER_H

#include <mirage/block.h>

/* Makes the disk. Yours: block_disconnect. NULL: no memory. */
struct block *power_connect(uint64_t sectors, uint32_t sector_size);

/* Clears the record: the disk's contents so far count as flushed. */
void power_settle(struct block *b);

/* The number of steps since then: sectors written or discarded, and flushes. */
size_t power_steps(const struct block *b);

/*
 * Puts the contents after a power cut at this step into image, sectors *
 * sector_size bytes. luck 0: only flushed sectors are there; 1: all are; other
 * values choose for each sector.
 */
void power_cut(const struct block *b, size_t steps, uint64_t luck,
               uint8_t *image);

/* After so many further steps writes, discards and flushes do nothing and fail
 * with ERR_IO. SIZE_MAX: never. */
void power_fail_after(struct block *b, size_t steps);

#endif
