/* SPDX-License-Identifier: ISC */
/*
 * events: what file descriptors have to say. events_epoll.c or events_poll.c,
 * chosen by linking.
 */
#ifndef UNIX_EVENTS_H
#define UNIX_EVENTS_H

#include <mirage/fiber.h>
#include <mirage/process.h>
#include <mirage/status.h>
#include <mirage/time.h>
#include <stdbool.h>

/* Called once, before anything else. wake: the read end of the pipe to which
 * signal handlers write; events_dispatch empties it and calls image_stop. */
void events_init(int wake);

/*
 * Waits until fd can be read, or written, without blocking, or is broken; a
 * regular file always can, and then the others still have their turn. One fiber
 * at a time for each fd. Blocks.
 * ERR_CANCELLED; ERR_TIMEOUT.
 */
MUST_CHECK enum status events_wait(int fd, bool write, nanoseconds deadline);

/*
 * For who reads a descriptor again and again until there is nothing: it is
 * watched for good, so that a wait costs no call of its own. One that is broken
 * counts as one that can be read.
 */
struct events_watch {
    struct waiters fiber;
    bool happened; /* since the last wait */
    int fd;
};

/* Keeps w. */
void events_watch(struct events_watch *w, int fd);

/*
 * Waits until something has come since the last wait; the first time, since
 * fd is watched. There may be nothing left of it. Blocks. ERR_CANCELLED.
 */
MUST_CHECK enum status events_watch_wait(struct events_watch *w);

/*
 * For who waits by another door of the kernel's: idles no longer than *length
 * (FOREVER: without end), and not after epoll has something to say. Returns
 * whether epoll is to be looked at, and waited for for *length more.
 */
typedef bool events_idle(int epoll, nanoseconds *length);

/* Lets idle have its turn in events_dispatch, from now on. False: there is no
 * epoll, and nothing has changed. */
bool events_idle_by(events_idle *idle);

/*
 * Both kinds: how long to idle when this is left. The kernel may add a
 * thousandth to what it is asked for, so of long times a little less is asked,
 * and what is left of them then.
 */
nanoseconds events_shorten(nanoseconds length);

/* Both kinds: empties the pipe; what was in it asked us to stop. */
void events_woken(int wake);

#endif
