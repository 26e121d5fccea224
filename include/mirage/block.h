/* SPDX-License-Identifier: ISC */
/*
 * block: storage addressed by sector.
 *
 * A sector is info.sector_size bytes. Page-aligned data goes to the device as
 * it is; other data is copied through aligned pages first. Reads, writes and
 * flushes block the fiber; fibers that ask at once share the queue.
 */
#ifndef MIRAGE_BLOCK_H
#define MIRAGE_BLOCK_H

#include <mirage/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct block_info {
    uint64_t sectors;     /* on the whole device */
    uint32_t sector_size; /* bytes: 512, 1024, 2048 or 4096 */
    bool     writable;
};

struct block {
    const struct block_ops *ops;
    struct block_info       info; /* fixed once connected */
};

/*
 * Reads count sectors, starting at sector, into data.
 *
 * ERR_RANGE: part of it lies past the end; data is untouched.
 * ERR_IO, ERR_GONE: the contents of data are undefined.
 */
MUST_CHECK enum status block_read(struct block *b, uint64_t sector,
                                  void *data, size_t count);

/*
 * Writes count sectors, starting at sector. They survive a power cut once a
 * later block_flush returns OK, not before.
 *
 * ERR_READ_ONLY, ERR_RANGE: nothing was written.
 * ERR_IO, ERR_GONE: an unknown part was written.
 */
MUST_CHECK enum status block_write(struct block *b, uint64_t sector,
                                   const void *data, size_t count);

/*
 * Returns OK once every write that returned OK before this call survives a
 * power cut. ERR_IO, ERR_GONE: some of them may not.
 */
MUST_CHECK enum status block_flush(struct block *b);

/*
 * The driver's side. The front has already checked range, alignment and
 * permission, so an operation only moves sectors. None may be NULL.
 */
struct block_ops {
    enum status (*read)(struct block *b, uint64_t sector,
                        void *data, size_t count);
    enum status (*write)(struct block *b, uint64_t sector,
                         const void *data, size_t count);
    enum status (*flush)(struct block *b);
    void (*disconnect)(struct block *b);
};

#endif
