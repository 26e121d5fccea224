/* SPDX-License-Identifier: ISC */
/*
 * batch: reads and writes that do not wait, of one file, many by one call to
 * the kernel where it has io_uring, and one by one elsewhere.
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
    const struct iovec *part; /* lent until it has run */
    int count;
    ssize_t done; /* bytes, or less than 0: -errno */
};

/* Of a file that does not block (O_NONBLOCK). Yours: batch_free. NULL: no
 * memory. */
struct batch *batch_new(int fd);
void batch_free(struct batch *b);

/*
 * Does what the entries say, at most BATCH_MOST, in their order, and sets done
 * of each. Once a read has found nothing those behind it need not be tried:
 * they have -EAGAIN, too.
 */
void batch_run(struct batch *b, struct batch_entry *entry, size_t count);

/* For tests: from now on one by one. */
void batch_without_ring(struct batch *b);

#endif
