/* SPDX-License-Identifier: ISC */
/*
 * block: storage addressed by sector.
 *
 * A sector is info.sector_size bytes, and is written whole or not at all. Data
 * that begins on a page goes to the device as it is; other data is copied
 * through pages first. Reads, writes, discards and flushes block the fiber;
 * those that ask at once share the device's queue, in no order: whoever wants
 * one write to be done before another waits for it, and flushes.
 *
 * A count of 0 is no error, and does nothing. ERR_CANCELLED, of each: the
 * fiber was asked to end before anything was done; what is under way is never
 * left alone.
 */
#ifndef MIRAGE_BLOCK_H
#define MIRAGE_BLOCK_H

#include <mirage/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct block_info {
    uint64_t sectors; /* on the whole device */
    uint32_t sector_size; /* bytes: 512, 1024, 2048 or 4096 */
    bool writable;
};

struct block {
    const struct block_ops *ops;
    struct block_info info; /* fixed once connected */
};

/*
 * Reads count sectors, starting at sector, into data.
 *
 * ERR_RANGE: part of it lies past the end; data is untouched.
 * ERR_NO_MEMORY: there is no page to copy through.
 * ERR_IO, ERR_GONE: the contents of data are undefined.
 */
MUST_CHECK enum status block_read(struct block *b, uint64_t sector,
                                  void *data, size_t count);

/*
 * Writes count sectors, starting at sector. They survive a power cut once a
 * later block_flush returns OK; until then each of them may be there or not.
 *
 * ERR_READ_ONLY, ERR_RANGE: nothing was written.
 * ERR_NO_MEMORY, ERR_NO_SPACE (of the host that keeps the device), ERR_IO,
 * ERR_GONE: an unknown part was written.
 */
MUST_CHECK enum status block_write(struct block *b, uint64_t sector,
                                   const void *data, size_t count);

/*
 * Says that nobody needs what count sectors hold, starting at sector: a hint,
 * for devices that have a use for the room. Until they are written again the
 * sectors can be read, but as anything, and each time as something else. The
 * device may take no notice, above all of what is less than it can discard.
 *
 * ERR_READ_ONLY, ERR_RANGE: nothing was done.
 * ERR_UNSUPPORTED: nothing was done, and never will be: it need not be told.
 * ERR_NO_MEMORY, ERR_NO_SPACE, ERR_IO, ERR_GONE: as if it had been done.
 */
MUST_CHECK enum status block_discard(struct block *b, uint64_t sector,
                                     uint64_t count);

/*
 * Returns OK once every write that returned OK before this call survives a
 * power cut. ERR_IO, ERR_NO_SPACE, ERR_GONE: some of them may not.
 */
MUST_CHECK enum status block_flush(struct block *b);

/*
 * Ends the use of the device, and frees b. No call on it may be in progress.
 * Does not flush: writes that were not flushed may be lost. A disk of Xen's
 * stays connected until the image ends.
 */
void block_disconnect(struct block *b);

/*
 * A disk in memory, of zeros, for tests and for what need not last: *block is
 * yours: block_disconnect. Discarded sectors are overwritten, so that a caller
 * that relies on their contents finds out. sector_size as in block_info. ERR_NO_MEMORY.
 */
MUST_CHECK enum status block_ram_connect(uint64_t sectors,
                                         uint32_t sector_size,
                                         struct block **block);

/*
 * The driver's side. device/block.c has already checked range and permission,
 * and count is not 0 and, where there is data, at most `most`; data begins on a
 * page unless takes_any_data. So an operation only moves sectors. A fiber that
 * is cancelled while its request is with the device waits for it all the same.
 * No operation may be NULL but discard, where the device has no such thing.
 */
struct block_ops {
    enum status (*read)(struct block *b, uint64_t sector,
                        void *data, size_t count);
    enum status (*write)(struct block *b, uint64_t sector,
                         const void *data, size_t count);
    enum status (*discard)(struct block *b, uint64_t sector, uint64_t count);
    enum status (*flush)(struct block *b);
    void (*disconnect)(struct block *b);

    size_t most; /* bytes of a request, whole pages; 0: any number */
    bool takes_any_data;
};

#endif
