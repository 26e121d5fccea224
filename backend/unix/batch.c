/* SPDX-License-Identifier: ISC */
/*
 * With io_uring every entry has RWF_NOWAIT, so that all are complete when the
 * call that submits them returns. A single entry is cheaper without the ring.
 */
#include "batch.h"
#include <errno.h>
#include <stdlib.h>
#if defined __linux__ && __has_include(<liburing.h>) && !defined WITHOUT_URING
#include <liburing.h>
#define HAS_URING 1
#else
#define HAS_URING 0
struct io_uring {
    int unused;
};
#endif

#define UNKNOWN ((ssize_t)-4096) /* is no -errno: not completed */

struct batch {
    int fd;
    bool has_ring;
    struct io_uring ring;
};

static ssize_t run_one(int fd, const struct batch_entry *e)
{
    ssize_t done;

    do
        done = e->is_write ? writev(fd, e->part, e->count)
                           : readv(fd, e->part, e->count);
    while (done < 0 && errno == EINTR);
    return done < 0 ? -errno : done;
}

static void run_each(int fd, struct batch_entry *e, size_t count)
{
    bool is_empty = false;

    for (size_t i = 0; i < count; i++) {
        e[i].done = !e[i].is_write && is_empty ? -EAGAIN : run_one(fd, &e[i]);
        is_empty |= !e[i].is_write && e[i].done < 0;
    }
}

#if HAS_URING

/* Tries the ring: a sandbox may allow it to be made, but not to be used. */
static bool try_ring(struct io_uring *ring)
{
    struct io_uring_cqe *c;

    io_uring_prep_nop(io_uring_get_sqe(ring));
    if (io_uring_submit_and_wait(ring, 1) != 1 ||
        io_uring_peek_cqe(ring, &c) != 0)
        return false;
    io_uring_cqe_seen(ring, c);
    return true;
}

static bool start_ring(struct io_uring *ring)
{
    const unsigned flags = IORING_SETUP_SINGLE_ISSUER |
                           IORING_SETUP_DEFER_TASKRUN;
    int n = io_uring_queue_init(BATCH_MOST, ring, flags);

    if (n == -EINVAL) /* before Linux 6.1 */
        n = io_uring_queue_init(BATCH_MOST, ring, 0);
    if (n < 0)
        return false;
    if (!try_ring(ring)) {
        io_uring_queue_exit(ring);
        return false;
    }
    (void)io_uring_register_ring_fd(ring); /* saves a lookup in each call */
    return true;
}

static void add_entry(struct batch *b, struct batch_entry *e)
{
    struct io_uring_sqe *s = io_uring_get_sqe(&b->ring);

    if (e->is_write)
        io_uring_prep_writev2(s, b->fd, e->part, (unsigned)e->count, 0,
                              RWF_NOWAIT);
    else
        io_uring_prep_readv2(s, b->fd, e->part, (unsigned)e->count, 0,
                             RWF_NOWAIT);
    io_uring_sqe_set_data(s, e);
    e->done = UNKNOWN;
}

/* Notes the results of completed entries, and returns their number. */
static unsigned reap(struct batch *b)
{
    struct io_uring_cqe *c;
    unsigned head, reaped = 0;

    io_uring_for_each_cqe(&b->ring, head, c)
    {
        struct batch_entry *e = io_uring_cqe_get_data(c);

        e->done = c->res;
        reaped++;
    }
    io_uring_cq_advance(&b->ring, reaped);
    return reaped;
}

/*
 * A kernel or a kind of file without RWF_NOWAIT fails each entry with
 * EOPNOTSUPP, and has done nothing: from then on the ring is not used. Neither
 * is it after a call that fails. Entries that are not completed then were not
 * begun, since all are complete when the call returns.
 */
static void run_by_ring(struct batch *b, struct batch_entry *entry,
                        size_t count)
{
    unsigned left = (unsigned)count;

    for (size_t i = 0; i < count; i++)
        add_entry(b, &entry[i]);
    while (left > 0) {
        int n = io_uring_submit_and_wait(&b->ring, left);

        left -= reap(b);
        if (n < 0 && n != -EINTR && n != -EAGAIN && n != -EBUSY)
            break;
    }
    if (left > 0)
        batch_without_ring(b);
    for (size_t i = 0; i < count; i++)
        if (entry[i].done == -EOPNOTSUPP || entry[i].done == -EINVAL ||
            entry[i].done == UNKNOWN) {
            batch_without_ring(b);
            entry[i].done = run_one(b->fd, &entry[i]);
        }
}

static void end_ring(struct io_uring *ring)
{
    io_uring_queue_exit(ring);
}

#else

static bool start_ring(struct io_uring *ring)
{
    (void)ring;
    return false;
}

static void run_by_ring(struct batch *b, struct batch_entry *entry,
                        size_t count)
{
    run_each(b->fd, entry, count);
}

static void end_ring(struct io_uring *ring)
{
    (void)ring;
}

#endif

struct batch *batch_new(int fd)
{
    struct batch *b = calloc(1, sizeof *b);

    if (b) {
        b->fd = fd;
        b->has_ring = start_ring(&b->ring);
    }
    return b;
}

void batch_without_ring(struct batch *b)
{
    if (b->has_ring)
        end_ring(&b->ring);
    b->has_ring = false;
}

void batch_free(struct batch *b)
{
    batch_without_ring(b);
    free(b);
}

void batch_run(struct batch *b, struct batch_entry *entry, size_t count)
{
    if (count > 1 && b->has_ring)
        run_by_ring(b, entry, count);
    else
        run_each(b->fd, entry, count);
}
