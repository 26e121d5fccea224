/* SPDX-License-Identifier: ISC */
/*
 * A block engine on Linux's io_uring. Requests are added to the submission ring
 * and submitted in batches, or by the system call with which the image idles or
 * polls for events, which also returns completions. To be woken by the image's
 * other events, the ring polls their epoll descriptor. Requests that find the
 * ring full wait in a queue.
 */
#include "block_engine.h"
#if defined __linux__ && __has_include(<liburing.h>) && !defined WITHOUT_URING
#include "events.h"
#include <errno.h>
#include <linux/falloc.h>
#include <liburing.h>
#include <mirage/panic.h>
#include <poll.h>
#include <string.h>

#define ENTRIES        256
#define SUBMITTED_MOST (ENTRIES - 1) /* one entry is the poll of epoll */
#define BATCH          2 /* requests that may wait for each other */
#define NEW_FLAGS      (IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)
#define NEEDED         (IORING_FEAT_EXT_ARG | IORING_FEAT_NODROP)
#define RETRY_AFTER    MILLISECOND /* when the kernel has no memory */

static struct io_uring ring;
static struct request *first, **end = &first; /* that wait for an entry */
static unsigned submitted;
static bool is_watching;

/* Adds the rest of r to the ring, which has a free entry. */
static void add_to_ring(struct request *r)
{
    struct io_uring_sqe *e = io_uring_get_sqe(&ring);
    uint64_t at = (uint64_t)r->at + r->done;
    unsigned left = (unsigned)(r->len - r->done);

    switch (r->operation) {
    case READ:
        io_uring_prep_read(e, r->fd, r->data + r->done, left, at);
        break;
    case WRITE:
        io_uring_prep_write(e, r->fd, r->data + r->done, left, at);
        break;
    case DISCARD:
        io_uring_prep_fallocate(e, r->fd,
                                FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                r->at, (off_t)r->len);
        break;
    case FLUSH:
        io_uring_prep_fsync(e, r->fd, IORING_FSYNC_DATASYNC);
        break;
    }
    io_uring_sqe_set_data(e, r);
}

static void add_queued(void)
{
    while (first && submitted < SUBMITTED_MOST) {
        struct request *r = first;

        first = r->next;
        if (!first)
            end = &first;
        submitted++;
        add_to_ring(r);
    }
}

static void reap(void)
{
    struct io_uring_cqe *c;
    unsigned head, count = 0;

    io_uring_for_each_cqe(&ring, head, c)
    {
        struct request *r = io_uring_cqe_get_data(c);

        count++;
        if (!r) {
            is_watching = false;
        } else if (request_is_over(r, c->res)) {
            submitted--;
            request_finish(r);
        } else {
            add_to_ring(r);
        }
    }
    io_uring_cq_advance(&ring, count);
    add_queued();
}

static void watch(int epoll)
{
    struct io_uring_sqe *e = io_uring_get_sqe(&ring);

    io_uring_prep_poll_add(e, epoll, POLLIN);
    io_uring_sqe_set_data(e, NULL);
    is_watching = true;
}

/* events_idle (events.h). */
static bool idle(int epoll, nanoseconds *length)
{
    struct __kernel_timespec ts = {(long long)(*length / SECOND),
                                   (long long)(*length % SECOND)};
    struct io_uring_cqe *c;
    int n;

    if (submitted == 0)
        return true;
    if (*length == 0) {
        (void)io_uring_submit_and_get_events(&ring);
        reap();
        return true;
    }
    if (!is_watching)
        watch(epoll);
    n = io_uring_submit_and_wait_timeout(
        &ring, &c, 1, *length == FOREVER ? NULL : &ts, NULL);
    reap();
    if (n == -EPERM || n == -EACCES || n == -ENOSYS || n == -EBADF)
        panic("io_uring is refused in the middle of its use: %s; "
              "--block-engine=threads does without",
              strerror(-n));
    if (n < 0 && n != -ETIME && n != -EINTR) {
        if (*length > RETRY_AFTER)
            *length = RETRY_AFTER;
        return true;
    }
    *length = 0;
    return !is_watching;
}

/*
 * Tries the ring with a request and a wait that has a time limit: a sandbox may
 * allow it to be made, but not to be used. Returns 0, or -errno.
 */
static int try_ring(void)
{
    struct __kernel_timespec second = {1, 0};
    struct io_uring_cqe *c;
    int n;

    io_uring_prep_nop(io_uring_get_sqe(&ring));
    n = io_uring_submit_and_wait_timeout(&ring, &c, 1, &second, NULL);
    if (n < 0)
        return n;
    n = io_uring_peek_cqe(&ring, &c);
    if (n == 0)
        io_uring_cqe_seen(&ring, c);
    return n;
}

static enum status uring_start(const char **why)
{
    struct io_uring_params p = {.flags = NEW_FLAGS};
    int n = io_uring_queue_init_params(ENTRIES, &ring, &p);

    if (n == -EINVAL) { /* before Linux 6.1 */
        p = (struct io_uring_params){0};
        n = io_uring_queue_init_params(ENTRIES, &ring, &p);
    }
    *why = n < 0 ? strerror(-n) : "that of this kernel is too old";
    if (n < 0)
        return ERR_UNSUPPORTED;
    n = (p.features & NEEDED) == NEEDED ? try_ring() : 0;
    if (n != 0)
        *why = strerror(-n);
    if ((p.features & NEEDED) != NEEDED || n != 0 || !events_set_idle(idle)) {
        io_uring_queue_exit(&ring);
        return ERR_UNSUPPORTED;
    }
    (void)io_uring_register_ring_fd(&ring); /* saves a lookup in each call */
    return OK;
}

static void uring_submit(struct request *r)
{
    r->next = NULL;
    *end = r;
    end = &r->next;
    add_queued();
    /* Requests that are not submitted now are submitted later. Completions are
     * fetched as well: otherwise requests that the host's cache answers at once
     * would keep the image from its other events. */
    if (io_uring_sq_ready(&ring) >= BATCH)
        (void)io_uring_submit_and_get_events(&ring);
}

#else

static enum status uring_start(const char **why)
{
    *why = "mirage was built without liburing";
    return ERR_UNSUPPORTED;
}

static void uring_submit(struct request *r)
{
    (void)r;
}

#endif

const struct engine uring_engine = {
    .name = "uring",
    .how = "io_uring",
    .start = uring_start,
    .submit = uring_submit,
};
