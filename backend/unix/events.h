/* SPDX-License-Identifier: ISC */
/*
 * events: waiting for file descriptors. Implemented by events_epoll.c (Linux)
 * or events_poll.c (POSIX), of which one is linked.
 */
#ifndef UNIX_EVENTS_H
#define UNIX_EVENTS_H

#include <mirage/fiber.h>
#include <mirage/process.h>
#include <mirage/status.h>
#include <mirage/time.h>
#include <stdbool.h>

/* Initialises events; called once, before any other call. wake: the read end of
 * the pipe to which signal handlers write; events_dispatch empties it and calls
 * image_stop. */
void events_init(int wake);

/*
 * Blocks until fd can be read, or written, without blocking, or has an error.
 * For a regular file, which is always ready, it is fiber_yield. At most one
 * fiber may wait for an fd.
 *
 * ERR_TIMEOUT, ERR_CANCELLED.
 */
MUST_CHECK enum status events_wait(int fd, bool write, nanoseconds deadline);

/* What a descriptor is ready for. A broken one counts as ready for both. */
enum events_kind {
    EVENTS_READ = 1,
    EVENTS_WRITE = 2,
    EVENTS_BROKEN = 4, /* an error, or both of its sides have ended */
};

/* w's descriptor has become ready for these (enum events_kind). In whichever
 * fiber takes events: must not block, and must not end the watch. */
struct events_watch;
typedef void events_notice(struct events_watch *w, unsigned kinds);

/*
 * A descriptor that is watched permanently, so that a wait needs no system call
 * of its own. Edge-triggered: the user reads until nothing is left. An error
 * counts as readable.
 */
struct events_watch {
    struct waiters fiber;
    bool happened; /* readable since the last wait */
    int fd;
    events_notice *notice; /* NULL: the fiber is woken */
    unsigned awaited; /* poll: what notice is to be called for */
    struct events_watch *next, **back; /* poll: in the list of those */
};

/* Starts to watch fd, for as long as it is open. Keeps w. */
void events_watch(struct events_watch *w, int fd);

/* Ends the watch. No fiber may wait for w. */
void events_watch_end(struct events_watch *w);

/*
 * Blocks until fd has become readable since the last wait, or since
 * events_watch. What arrived may have been read already. ERR_CANCELLED.
 */
MUST_CHECK enum status events_watch_wait(struct events_watch *w);

/*
 * Watches fd for a function in the place of a fiber: notice is called when it
 * has become ready for something, and at once for what it is ready for. It may
 * be called again for the same only after events_await has been called for it.
 * Keeps w until events_unwatch. ERR_IN_USE: a fiber waits for fd, or it is
 * watched; the caller may watch a duplicate.
 */
MUST_CHECK enum status events_notify(struct events_watch *w, int fd,
                                     events_notice *notice);

/* A call has found that w's descriptor is not ready for these. */
void events_await(struct events_watch *w, unsigned kinds);

/* Before w's descriptor is closed. */
void events_unwatch(struct events_watch *w);

/*
 * Idles by another interface of the kernel, such as io_uring: at most for
 * *length (FOREVER: without limit), and only until epoll has an event. Returns
 * whether epoll is to be waited for, for the length that it puts into *length.
 */
typedef bool events_idle(int epoll, nanoseconds *length);

/* Makes events_dispatch call idle first, from now on. False: there is no epoll,
 * and nothing has changed. */
bool events_set_idle(events_idle *idle);

/*
 * For the implementations: returns how long to ask the kernel to wait so that
 * `length` is not exceeded. It may add a thousandth, so of a long time less is
 * asked for, and the rest later.
 */
nanoseconds events_shorten(nanoseconds length);

/* For the implementations: empties the pipe, and stops the image. */
void events_on_wake(int wake);

#endif
