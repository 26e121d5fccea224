/* SPDX-License-Identifier: ISC */
/*
 * Requests by Linux's io_uring.
 *
 * A request is only noted in the ring. The kernel learns of it together with
 * the next, or else when the image idles, or looks for events in passing: one
 * system call hands over what fibers have asked for, waits, and brings what is
 * done. The other events of the image end that wait, too: the ring watches
 * their epoll.
 *
 * The ring has room for every request that is under way; those that come when
 * it is full queue before it.
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

#define ENTRIES     256
#define UNDER_WAY   (ENTRIES - 1) /* one is for watching epoll */
#define BATCH       2 /* more, and the device begins late */
#define NEW_FLAGS   (IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)
#define NEEDED      (IORING_FEAT_EXT_ARG | IORING_FEAT_NODROP)
#define AFTER_ERROR MILLISECOND /* what to wait when the kernel has no memory */

static struct io_uring ring;
static struct request *first, **end = &first; /* before the ring */
static unsigned under_way;
static bool is_watching;

/* Puts what is left of r into the ring, where there is room for it. */
static void note(struct request *r)
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

static void note_those_that_wait(void)
{
    while (first && under_way < UNDER_WAY) {
        struct request *r = first;

        first = r->next;
        if (!first)
            end = &first;
        under_way++;
        note(r);
    }
}

static void take_done(void)
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
            under_way--;
            request_finish(r);
        } else {
            note(r);
        }
    }
    io_uring_cq_advance(&ring, count);
    note_those_that_wait();
}

static void watch(int epoll)
{
    struct io_uring_sqe *e = io_uring_get_sqe(&ring);

    io_uring_prep_poll_add(e, epoll, POLLIN);
    io_uring_sqe_set_data(e, NULL);
    is_watching = true;
}

/* As events_idle says. */
static bool idle(int epoll, nanoseconds *length)
{
    struct __kernel_timespec ts = {(long long)(*length / SECOND),
                                   (long long)(*length % SECOND)};
    struct io_uring_cqe *c;
    int n;

    if (under_way == 0)
        return true;
    if (*length == 0) {
        (void)io_uring_submit_and_get_events(&ring);
        take_done();
        return true;
    }
    if (!is_watching)
        watch(epoll);
    n = io_uring_submit_and_wait_timeout(
        &ring, &c, 1, *length == FOREVER ? NULL : &ts, NULL);
    take_done();
    if (n == -EPERM || n == -EACCES || n == -ENOSYS || n == -EBADF)
        panic("io_uring is refused in the middle of its use: %s; "
              "--block-engine=threads does without",
              strerror(-n));
    if (n < 0 && n != -ETIME && n != -EINTR) {
        if (*length > AFTER_ERROR)
            *length = AFTER_ERROR;
        return true;
    }
    *length = 0;
    return !is_watching;
}

/*
 * A sandbox may let a ring be made, and not let it be used. Tried as it will be
 * used: a request, and a wait with a time limit. 0, or -errno.
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
    (void)io_uring_register_ring_fd(&ring); /* saves a look-up a call */
    return OK;
}

static void uring_submit(struct request *r)
{
    r->next = NULL;
    *end = r;
    end = &r->next;
    note_those_that_wait();
    /* What it leaves is tried again. Requests that the cache answers at once
     * must not keep the kernel from looking at what epoll has. */
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
