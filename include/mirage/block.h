/* SPDX-License-Identifier: ISC */
/*
 * block: storage addressed by sector.
 *
 * A sector is info.sector_size bytes, and is written whole or not at all. Data
 * that begins on a page is given to the device as it is, where the driver needs
 * that; other data is copied through pages. All calls but block_disconnect
 * block the fiber. Requests of several fibers share the device's queue and are
 * done in any order: to have one write done before another, wait for the first
 * and flush.
 *
 * A count of 0 does nothing and is no error. ERR_CANCELLED, of each call: the
 * fiber was cancelled before anything was done. A request that the device has
 * begun is always waited for.
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
 * ERR_GONE: an unknown part was written. With virtio each error of the host is
 * ERR_IO, also that it has no space: its protocol has no other (virtio 1.2,
 * 5.2.6).
 */
MUST_CHECK enum status block_write(struct block *b, uint64_t sector,
                                   const void *data, size_t count);

/*
 * Tells the device that the contents of count sectors, starting at sector, are
 * not needed any more, so that it can use the space otherwise. Until they are
 * written again the sectors read as any bytes, and maybe as others each time.
 * The device may ignore all of it, or the parts that are smaller than the units
 * in which it discards.
 *
 * ERR_READ_ONLY, ERR_RANGE: nothing was done.
 * ERR_UNSUPPORTED: nothing was done; the device never discards.
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
 * or of virtio stays connected until the image ends.
 */
void block_disconnect(struct block *b);

/*
 * Makes a disk in memory, of zeros, for tests and for data that need not last.
 * sector_size as in block_info. Discarded sectors are overwritten, so that a
 * caller that relies on their contents finds out. *block is yours:
 * block_disconnect. ERR_NO_MEMORY.
 */
MUST_CHECK enum status block_ram_connect(uint64_t sectors,
                                         uint32_t sector_size,
                                         struct block **block);

/*
 * The driver's side. device/block.c has checked range and permission: count is
 * not 0, and a read or write has at most `most` bytes, which begin on a page
 * unless takes_any_data. A fiber that is cancelled while the device has its
 * request waits for it all the same (mirage/completion.h). discard may be NULL;
 * the others may not.
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
