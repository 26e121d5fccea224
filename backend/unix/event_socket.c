/* SPDX-License-Identifier: ISC */
/*
 * Flows on sockets without a fiber each.
 *
 * The host reports edges (events_notify). A flow remembers them as ready until
 * a call finds otherwise, and is scheduled; the stack's fiber then works out
 * its events and reports those that it has not reported yet. Data that a
 * handler writes and the host does not take is queued here, up to QUEUE_MOST
 * bytes.
 */
#include "event_socket.h"
#include "host_socket.h"
#include "stackv4_socket.h"
#include <errno.h>
#include <fcntl.h>
#include <mirage/macros.h>
#include <mirage/panic.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* socket_new has set the option of the socket */
#endif

#define QUEUE_MOST ((size_t)64 << 10) /* bytes */
#define PIECES     64 /* in one call */

enum status event_break(struct socket_flow *f, int error)
{
    if (f->over)
        return f->over;
    switch (error) {
    case ECONNRESET:
    case ECONNABORTED:
    case EPIPE:
        f->over = ERR_RESET;
        break;
    case ETIMEDOUT:
        f->over = ERR_TIMEOUT;
        break;
    case EHOSTUNREACH:
    case ENETUNREACH:
        f->over = ERR_UNREACHABLE;
        break;
    default:
        f->over = ERR_GONE;
    }
    if (f->events.is_watched)
        event_schedule(f);
    return f->over;
}

enum status event_connect_status(struct sockets *s, int error)
{
    switch (error) {
    case ECONNREFUSED:
    case ECONNRESET:
        s->counters.refused++;
        return ERR_REFUSED;
    case ETIMEDOUT:
        return ERR_TIMEOUT;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        return ERR_NO_MEMORY;
    default:
        return ERR_UNREACHABLE;
    }
}

int event_connect_outcome(int fd)
{
    int error = 0;
    socklen_t len = sizeof error;

    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0
               ? error
               : errno;
}

bool event_is_own_peer(const struct socket_flow *f)
{
    return f->local.port == f->peer.port && ip_equal(f->local.ip, f->peer.ip);
}

void event_schedule(struct socket_flow *f)
{
    struct sockets *s = f->stack;
    struct flow_events *e = &f->events;

    if (e->is_scheduled)
        return;
    e->is_scheduled = true;
    e->scheduled = NULL;
    if (s->scheduled)
        s->scheduled_last->events.scheduled = f;
    else
        s->scheduled = f;
    s->scheduled_last = f;
    wake_one(&s->worker_turn);
}

static void on_notice(struct events_watch *w, unsigned kinds)
{
    struct socket_flow *f = containing(w, struct socket_flow, events.watch);

    f->events.ready |= kinds;
    wake_all(&f->events.waiters);
    event_schedule(f);
}

void event_watch(struct socket_flow *f)
{
    struct flow_events *e = &f->events;
    int fd;

    if (e->is_watched)
        return;
    if (events_notify(&e->watch, f->fd, on_notice) == OK) {
        e->is_watched = true;
        return;
    }
    /* A fiber waits for it: another descriptor of the same socket. */
    fd = fcntl(f->fd, F_DUPFD_CLOEXEC, 0);
    if (fd >= 0 && events_notify(&e->watch, fd, on_notice) == OK) {
        e->is_watched = true;
        return;
    }
    if (!f->over)
        f->over = ERR_NO_MEMORY;
    event_schedule(f);
}

/* The event of this kind may be reported again. */
static void untell(struct flow_events *e, enum events_kind kind)
{
    e->told &= ~(unsigned)(kind == EVENTS_READ ? FLOW_READABLE
                                               : FLOW_WRITABLE);
}

void event_rearm(struct socket_flow *f, enum events_kind kind)
{
    struct flow_events *e = &f->events;

    e->ready &= ~(unsigned)kind;
    untell(e, kind);
    if (e->is_watched)
        events_await(&e->watch, kind);
}

void event_lacks_pages(struct socket_flow *f, enum events_kind kind)
{
    untell(&f->events, kind);
    f->events.lacks_pages = true;
    event_schedule(f);
}

enum status event_await(struct socket_flow *f, enum events_kind kind,
                        nanoseconds deadline)
{
    struct flow_events *e = &f->events;

    if (f->stack->is_in_handler)
        return ERR_TIMEOUT;
    if (e->is_watched) {
        enum status s = e->ready & kind ? fiber_yield() : OK;

        while (s == OK && !(e->ready & kind) && !f->over)
            s = wait_until(&e->waiters, deadline);
        return s;
    }
    if (kind == EVENTS_READ)
        return events_wait(f->fd, false, deadline);
    if (f->write_fd < 0)
        f->write_fd = fcntl(f->fd, F_DUPFD_CLOEXEC, 0);
    if (f->write_fd < 0) { /* no descriptor is left */
        nanoseconds soon = time_after(MILLISECOND);

        return deadline <= time_now() ? ERR_TIMEOUT
                                      : time_sleep_until(min(soon, deadline));
    }
    return events_wait(f->write_fd, true, deadline);
}

enum status event_await_memory(struct socket_flow *f, enum events_kind kind,
                               nanoseconds deadline)
{
    nanoseconds soon = time_after(MILLISECOND);

    if (f->stack->is_in_handler) {
        event_lacks_pages(f, kind);
        return ERR_TIMEOUT;
    }
    return deadline <= time_now() ? ERR_TIMEOUT
                                  : time_sleep_until(min(soon, deadline));
}

size_t event_room(const struct socket_flow *f)
{
    return f->over || (f->events.ready & EVENTS_BROKEN) ||
                   (f->shut & FLOW_WRITING) ||
                   f->events.unsent_len >= QUEUE_MOST
               ? 0
               : QUEUE_MOST - f->events.unsent_len;
}

void event_queue(struct socket_flow *f, struct buf *b)
{
    struct flow_events *e = &f->events;

    b->next = NULL;
    if (e->unsent)
        e->unsent_last->next = b;
    else
        f->stack->unsent_flows++;
    if (!e->unsent)
        e->unsent = b;
    e->unsent_last = b;
    e->unsent_len += b->len;
    event_watch(f);
}

void event_drop(struct socket_flow *f)
{
    struct flow_events *e = &f->events;

    if (e->unsent) {
        f->stack->unsent_flows--;
        wake_all(&f->stack->all_sent);
    }
    buf_free(e->unsent);
    e->unsent = e->unsent_last = NULL;
    e->unsent_len = 0;
}

enum status event_send(struct socket_flow *f, struct iovec *iov, size_t count,
                       size_t *sent)
{
    struct msghdr message = {.msg_iov = iov};
    ssize_t n;

    message.msg_iovlen = count;
    *sent = 0;
    if (f->over)
        return f->over;
    do
        n = sendmsg(f->fd, &message, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    if (n >= 0) {
        f->stack->counters.bytes_out += (size_t)n;
        *sent = (size_t)n;
        return OK;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
        event_rearm(f, EVENTS_WRITE);
        return ERR_TIMEOUT;
    }
    if (errno == ENOBUFS || errno == ENOMEM) { /* for a moment */
        event_lacks_pages(f, EVENTS_WRITE);
        return ERR_TIMEOUT;
    }
    return event_break(f, errno);
}

enum status event_flush(struct socket_flow *f)
{
    struct flow_events *e = &f->events;
    bool was_queued = e->unsent != NULL;

    while (e->unsent) {
        struct iovec iov[PIECES];
        size_t count = 0, sent;
        enum status s;

        for (struct buf *b = e->unsent; b && count < PIECES; b = b->next)
            iov[count++] = (struct iovec){b->data, b->len};
        s = event_send(f, iov, count, &sent);
        if (s != OK) {
            if (s != ERR_TIMEOUT)
                event_drop(f);
            return s;
        }
        e->unsent_len -= sent;
        e->unsent = buf_trim_list(e->unsent, sent);
    }
    if (was_queued) {
        e->unsent_last = NULL;
        f->stack->unsent_flows--;
        wake_all(&f->stack->all_sent);
        if (f->shut & FLOW_WRITING)
            (void)shutdown(f->fd, SHUT_WR);
    }
    return OK;
}

static void finish_opening(struct socket_flow *f)
{
    struct flow_events *e = &f->events;
    int error = event_connect_outcome(f->fd);

    e->is_opening = false;
    if (!error && event_is_own_peer(f))
        error = ECONNREFUSED;
    if (!error) {
        f->stack->counters.opened++;
        if (!e->unsent && (f->shut & FLOW_WRITING))
            (void)shutdown(f->fd, SHUT_WR);
    } else if (!f->over) {
        f->over = event_connect_status(f->stack, error);
    }
}

static int unread(int fd)
{
    int n = 0;

    return ioctl(fd, FIONREAD, &n) == 0 ? n : 0;
}

void event_close(struct socket_flow *f, bool is_to_send)
{
    struct flow_events *e = &f->events;

    e->fn = NULL;
    if (is_to_send && e->unsent && !e->is_opening && !f->over) {
        e->is_closed = true;
        event_schedule(f);
        return;
    }
    event_drop(f);
    buf_free(f->came);
    f->came = NULL;
    if (e->is_watched) {
        events_unwatch(&e->watch);
        if (e->watch.fd != f->fd)
            close(e->watch.fd);
    }
    if (f->write_fd >= 0)
        close(f->write_fd);
    close(f->fd);
    *f->back = f->next;
    if (f->next)
        f->next->back = f->back;
    f->stack->flows--;
    wake_all(&f->stack->all_sent);
    if (e->is_scheduled)
        e->is_dead = true;
    else
        free(f);
}

void event_end_all(struct sockets *s)
{
    struct socket_flow *next;

    for (struct socket_flow *f = s->all; f; f = next) {
        next = f->next;
        if (f->events.is_closed) {
            event_close(f, false);
            continue;
        }
        if (!f->over)
            f->over = ERR_GONE;
        event_drop(f);
        (void)shutdown(f->fd, SHUT_RDWR); /* wakes fibers that wait for it */
        wake_all(&f->events.waiters);
        if (f->events.fn)
            event_schedule(f);
    }
}

/* Reports of the flow that hold; of one that is open. */
static unsigned events_of(const struct socket_flow *f)
{
    const struct flow_events *e = &f->events;
    bool is_over = f->over || (e->ready & EVENTS_BROKEN);
    unsigned events = 0;

    if (e->is_opening && !f->over)
        return 0;
    if (f->came || f->has_ended || is_over || (e->ready & EVENTS_READ))
        events |= FLOW_READABLE;
    if (!is_over && event_room(f) > 0)
        events |= FLOW_WRITABLE;
    return events | (is_over ? FLOW_OVER : 0);
}

/* One turn of a flow. It may be freed. */
static void deliver(struct socket_flow *f)
{
    struct flow_events *e = &f->events;
    struct sockets *s = f->stack;
    unsigned events;

    if (e->lacks_pages) {
        e->lacks_pages = buf_pages_free() == 0;
        if (e->lacks_pages) {
            s->is_short_of_pages = true;
            event_schedule(f);
            return;
        }
    }
    if (e->is_opening && (e->ready & (EVENTS_WRITE | EVENTS_BROKEN)))
        finish_opening(f);
    if (!e->is_opening)
        (void)!event_flush(f); /* the rest is sent by a later turn */
    if (e->is_closed) {
        /* A peer that sends after our close is to be reset. */
        if (!e->unsent || f->over ||
            (!(f->shut & FLOW_READING) && unread(f->fd) > 0))
            event_close(f, false);
        return;
    }
    events = e->fn ? events_of(f) & ~e->told : 0;
    if (!events)
        return;
    e->told |= events;
    s->is_in_handler = true;
    e->fn(e->ctx, &f->flow, events);
    s->is_in_handler = false;
}

static struct socket_flow *next_scheduled(struct sockets *s)
{
    struct socket_flow *f = s->scheduled;

    s->scheduled = f->events.scheduled;
    f->events.is_scheduled = false;
    return f;
}

static void work(void *stack)
{
    struct sockets *s = stack;

    for (;;) {
        const struct socket_flow *last;
        bool is_last;

        while (!s->scheduled)
            if (wait_until(&s->worker_turn, FOREVER) == ERR_CANCELLED)
                return;
        last = s->scheduled_last; /* those scheduled meanwhile wait */
        do {
            struct socket_flow *f = next_scheduled(s);

            is_last = f == last;
            if (f->events.is_dead)
                free(f);
            else
                deliver(f);
        } while (!is_last && s->scheduled);
        if (s->is_short_of_pages ? time_sleep(MILLISECOND) == ERR_CANCELLED
                                 : fiber_yield() == ERR_CANCELLED)
            return;
        s->is_short_of_pages = false;
    }
}

enum status event_start(struct sockets *s)
{
    struct fiber_options options = {"flows", 0};

    return fiber_spawn(&options, work, s, &s->worker);
}

void event_stop(struct sockets *s)
{
    fiber_cancel(s->worker);
    fiber_shield();
    require(fiber_join(s->worker, FOREVER) == OK);
    fiber_unshield();
    while (s->scheduled) {
        struct socket_flow *f = next_scheduled(s);

        require(f->events.is_dead);
        free(f);
    }
}
