/* SPDX-License-Identifier: ISC */
/*
 * Events by Linux's epoll. The registration of a fiber that waits is on its
 * stack, and is removed after the wait. That of a watch stays, and is
 * edge-triggered (EPOLLET).
 */
#include "events.h"
#include <errno.h>
#include <limits.h>
#include <mirage/fiber.h>
#include <mirage/macros.h>
#include <mirage/panic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>

static int epoll = -1;
static unsigned waiting; /* fibers */
static int wake_pipe;

static events_idle *idle_first; /* NULL: none */

void events_init(int wake)
{
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL};

    wake_pipe = wake;
    (void)prctl(PR_SET_TIMERSLACK, 1000); /* 1 us late at most, not 50 */
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, wake, &e) != 0)
        panic("epoll: %s", strerror(errno));
}

enum status events_wait(int fd, bool write, nanoseconds deadline)
{
    struct events_watch r = {.fd = fd};
    struct epoll_event e = {.events = write ? EPOLLOUT : EPOLLIN,
                            .data.ptr = &r};
    enum status s = OK;

    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) != 0) {
        if (errno == EPERM)
            return fiber_yield(); /* a regular file, or /dev/zero */
        panic("epoll cannot watch file descriptor %d: %s", fd,
              strerror(errno));
    }
    waiting++;
    while (!r.happened && s == OK)
        s = wait_until(&r.fiber, deadline);
    waiting--;
    if (epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL) != 0)
        panic("epoll lost file descriptor %d: %s", fd, strerror(errno));
    return r.happened ? OK : s;
}

void events_watch(struct events_watch *w, int fd)
{
    struct epoll_event e = {.events = EPOLLIN | EPOLLET, .data.ptr = w};

    *w = (struct events_watch){.fd = fd};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) != 0)
        panic("epoll cannot watch file descriptor %d: %s", fd,
              strerror(errno));
}

void events_watch_end(struct events_watch *w)
{
    if (epoll_ctl(epoll, EPOLL_CTL_DEL, w->fd, NULL) != 0)
        panic("epoll lost file descriptor %d: %s", w->fd, strerror(errno));
}

enum status events_watch_wait(struct events_watch *w)
{
    enum status s = OK;

    waiting++;
    while (!w->happened && s == OK)
        s = wait_until(&w->fiber, FOREVER);
    waiting--;
    w->happened = false;
    return s;
}

enum status events_notify(struct events_watch *w, int fd,
                          events_notice *notice)
{
    struct epoll_event e = {
        .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = w};

    *w = (struct events_watch){.fd = fd, .notice = notice};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) == 0) {
        waiting++;
        return OK;
    }
    if (errno == EEXIST)
        return ERR_IN_USE;
    panic("epoll cannot watch file descriptor %d: %s", fd, strerror(errno));
}

/* The kernel has noticed by itself. */
void events_await(struct events_watch *w, unsigned kinds)
{
    (void)w, (void)kinds;
}

void events_unwatch(struct events_watch *w)
{
    waiting--;
    if (epoll_ctl(epoll, EPOLL_CTL_DEL, w->fd, NULL) != 0)
        panic("epoll lost file descriptor %d: %s", w->fd, strerror(errno));
}

static unsigned kinds_of(uint32_t events)
{
    unsigned kinds = 0;

    if (events & (EPOLLHUP | EPOLLERR))
        kinds = EVENTS_READ | EVENTS_WRITE | EVENTS_BROKEN;
    if (events & (EPOLLIN | EPOLLRDHUP))
        kinds |= EVENTS_READ;
    if (events & EPOLLOUT)
        kinds |= EVENTS_WRITE;
    return kinds;
}

bool events_are_awaited(void)
{
    return waiting > 0;
}

bool events_set_idle(events_idle *idle)
{
    idle_first = idle;
    return true;
}

/* Waits with nanosecond resolution, or rounds up to milliseconds. */
static int wait_for(struct epoll_event *events, int max, nanoseconds length)
{
    static bool coarse;
    struct timespec ts = {(time_t)(length / SECOND), (long)(length % SECOND)};
    nanoseconds ms = length / MILLISECOND + (length % MILLISECOND != 0);

    if (!coarse) {
        int n = epoll_pwait2(epoll, events, max,
                             length == FOREVER ? NULL : &ts, NULL);

        if (n >= 0 || errno == EINTR)
            return n;
        coarse = true; /* before Linux 5.11, or in a sandbox */
    }
    return epoll_wait(epoll, events, max,
                      length == FOREVER ? -1
                                        : (int)min(ms, (nanoseconds)INT_MAX));
}

void events_dispatch(nanoseconds length)
{
    static struct epoll_event events[64];
    int n;

    length = events_shorten(length);
    if (idle_first && !idle_first(epoll, &length))
        return;
    n = wait_for(events, sizeof events / sizeof events[0], length);
    if (n < 0 && errno != EINTR)
        panic("epoll: %s", strerror(errno));
    for (int i = 0; i < n; i++) {
        struct events_watch *w = events[i].data.ptr;

        if (!w) {
            events_on_wake(wake_pipe);
            continue;
        }
        if (w->notice) {
            w->notice(w, kinds_of(events[i].events));
            continue;
        }
        w->happened = true;
        wake_all(&w->fiber);
    }
}
