/* SPDX-License-Identifier: ISC */
/*
 * power: a disk in memory whose power can be cut.
 *
 * It notes each write and each flush, so that afterwards the disk can be had
 * as a power cut at any moment may have left it: with all that was flushed by
 * then, and of what was written since, any of the sectors, in any of the
 * states that they were in. A sector that is discarded is overwritten.
 */
#ifndef CONFORM_POWER_H
#define CONFORM_POWER_H

#include <mirage/block.h>

/* Disconnecting it frees it. NULL: no memory. */
struct block *power_connect(uint64_t sectors, uint32_t sector_size);

/* Forgets what was done so far: the disk has all that was written to it. */
void power_start(struct block *b);

/* Sectors written or discarded, and flushes since then, each of them a step. */
size_t power_steps(const struct block *b);

/*
 * The disk after a cut that follows so many steps: sectors * sector_size bytes
 * at image. luck 0: nothing that was not flushed; 1: all of it; others choose
 * for each sector.
 */
void power_cut(const struct block *b, size_t steps, uint64_t luck,
               uint8_t *image);

/* After so many further steps, writes, discards and flushes do nothing but fail
 * with ERR_IO; SIZE_MAX: never. */
void power_fail_after(struct block *b, size_t steps);

#endif
