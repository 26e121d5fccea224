/* SPDX-License-Identifier: ISC */
/*
 * batch: several non-blocking reads and writes of one file, by one system call
 * where the kernel has io_uring, and one by one elsewhere.
 */
#ifndef UNIX_BATCH_H
#define UNIX_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

struct batch;

#define BATCH_MOST 64 /* entries of a batch */

struct batch_entry {
    bool is_write;
    const struct iovec *part; /* lent until batch_run returns */
    int count;
    ssize_t done; /* bytes, or -errno */
};

/* Makes a batch for a file with O_NONBLOCK. Yours: batch_free. NULL: no memory.
 */
struct batch *batch_new(int fd);
void batch_free(struct batch *b);

/*
 * Runs the entries, at most BATCH_MOST, in their order, and sets done of each.
 * After a read that fails, later reads may be skipped: they have -EAGAIN.
 */
void batch_run(struct batch *b, struct batch_entry *entry, size_t count);

/* For tests: makes batch_run do without io_uring. */
void batch_without_ring(struct batch *b);

#endif
