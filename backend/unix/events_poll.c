/* SPDX-License-Identifier: ISC */
/*
 * Events by POSIX poll, for systems without epoll. Waiting fibers are in a
 * list, from which each call makes the array for poll.
 */
#include "events.h"
#include <errno.h>
#include <limits.h>
#include <mirage/fiber.h>
#include <mirage/panic.h>
#include <poll.h>
#include <stdlib.h>

struct registration {
    struct waiters fiber;
    struct registration *next, **back;
    int fd;
    bool write, happened;
};

static struct registration *all;
static struct events_watch *notices;
static size_t count = 1; /* of both lists, including the pipe */
static struct pollfd *fds;
static size_t fds_size;
static int wake_pipe;

void events_init(int wake)
{
    wake_pipe = wake;
}

bool events_set_idle(events_idle *idle)
{
    (void)idle;
    return false;
}

static void add(struct registration *r)
{
    r->next = all;
    r->back = &all;
    if (all)
        all->back = &r->next;
    all = r;
    count++;
}

static void remove_registration(struct registration *r)
{
    *r->back = r->next;
    if (r->next)
        r->next->back = r->back;
    count--;
}

enum status events_wait(int fd, bool write, nanoseconds deadline)
{
    struct registration r = {.fd = fd, .write = write};
    enum status s = OK;

    add(&r);
    while (!r.happened && s == OK)
        s = wait_until(&r.fiber, deadline);
    remove_registration(&r);
    return r.happened ? OK : s;
}

void events_watch(struct events_watch *w, int fd)
{
    *w = (struct events_watch){.fd = fd};
}

void events_watch_end(struct events_watch *w)
{
    (void)w;
}

enum status events_watch_wait(struct events_watch *w)
{
    return events_wait(w->fd, false, FOREVER);
}

enum status events_notify(struct events_watch *w, int fd,
                          events_notice *notice)
{
    *w = (struct events_watch){
        .fd = fd,
        .notice = notice,
        .awaited = EVENTS_READ | EVENTS_WRITE | EVENTS_BROKEN,
        .next = notices,
        .back = &notices};
    if (notices)
        notices->back = &w->next;
    notices = w;
    count++;
    return OK;
}

void events_await(struct events_watch *w, unsigned kinds)
{
    w->awaited |= kinds;
}

void events_unwatch(struct events_watch *w)
{
    *w->back = w->next;
    if (w->next)
        w->next->back = w->back;
    count--;
}

/* poll reports what is, and not what is new; so each kind is asked for until it
 * was reported, and again after events_await. */
static struct pollfd pollfd_of(const struct events_watch *w)
{
    short events = 0;

    if (w->awaited & EVENTS_READ)
        events |= POLLIN;
    if (w->awaited & EVENTS_WRITE)
        events |= POLLOUT;
    return (struct pollfd){.fd = w->awaited ? w->fd : -1, .events = events};
}

static void report(struct events_watch *w, short events)
{
    unsigned kinds = 0;

    if (events & (POLLHUP | POLLERR | POLLNVAL))
        kinds = EVENTS_READ | EVENTS_WRITE | EVENTS_BROKEN;
    if (events & POLLIN)
        kinds |= EVENTS_READ;
    if (events & POLLOUT)
        kinds |= EVENTS_WRITE;
    w->awaited &= ~kinds;
    w->notice(w, kinds);
}

bool events_are_awaited(void)
{
    return all || notices;
}

static void fill_array(void)
{
    size_t n = 1;

    if (count > fds_size) {
        fds_size = count * 2;
        fds = realloc(fds, fds_size * sizeof *fds);
        if (!fds)
            panic("out of memory: poll needs %zu entries", fds_size);
    }
    fds[0] = (struct pollfd){.fd = wake_pipe, .events = POLLIN};
    for (struct registration *r = all; r; r = r->next)
        fds[n++] = (struct pollfd){.fd = r->fd,
                                   .events = r->write ? POLLOUT : POLLIN};
    for (const struct events_watch *w = notices; w; w = w->next)
        fds[n++] = pollfd_of(w);
}

/* Converts to milliseconds, rounded up, so that no sleep ends early. */
static int timeout(nanoseconds length)
{
    if (length == FOREVER)
        return -1;
    length = events_shorten(length);
    if (length > INT_MAX * MILLISECOND)
        return INT_MAX;
    return (int)((length + MILLISECOND - 1) / MILLISECOND);
}

void events_dispatch(nanoseconds length)
{
    size_t n = 1;

    fill_array();
    if (poll(fds, count, timeout(length)) <= 0)
        return;
    if (fds[0].revents)
        events_on_wake(wake_pipe);
    for (struct registration *r = all; r; r = r->next)
        if (fds[n++].revents) {
            r->happened = true;
            wake_all(&r->fiber);
        }
    for (struct events_watch *w = notices; w; w = w->next, n++)
        if (fds[n].revents)
            report(w, fds[n].revents);
}
