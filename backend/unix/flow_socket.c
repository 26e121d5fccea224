/* SPDX-License-Identifier: ISC */
/*
 * A flow that is one of the host's TCP connections: reading, closing, options.
 * A read receives into as many pages as earlier reads have filled, up to
 * PAGES_MOST, and keeps for the next reads what is more than one page. The host
 * reports the error that ended a connection only once, so it is kept.
 */
#include "flow_socket.h"
#include "stackv4_socket.h"
#include "write_socket.h"
#include <errno.h>
#include <mirage/flow.h>
#include <mirage/macros.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef TCP_KEEPIDLE
#define TCP_KEEPIDLE TCP_KEEPALIVE
#endif

#define PAGES_MOST    16 /* in one read */
#define PAGES_OF_FLOW 4 /* that are reserved at least */

static struct socket_flow *flow_of(const struct flow *f)
{
    return containing((struct flow *)(uintptr_t)f, struct socket_flow, flow);
}

/* Lets the others have their turn; a handler may not. */
static void yield(const struct socket_flow *f)
{
    if (!f->stack->is_in_handler)
        (void)fiber_yield();
}

/* Allocates a list of pages for a read, and describes them in iov. NULL: there
 * is none. */
static struct buf *alloc_pages(const struct socket_flow *f, struct iovec *iov,
                               size_t *count)
{
    struct buf *first = NULL, **end = &first;
    size_t most = 1 + buf_pages_free() / 8; /* leave some for others */

    most = min(most, (size_t)f->pages);
    for (*count = 0; *count < most && (*end = buf_new(0)); ++*count) {
        iov[*count].iov_base = (*end)->data;
        iov[*count].iov_len = PAGE_BYTES;
        end = &(*end)->next;
    }
    return first;
}

/* Stores the pages that hold len received bytes in f, and frees the others. */
static void store_pages(struct socket_flow *f, struct buf *pages, size_t count,
                        size_t len)
{
    struct buf **end = &f->came;
    unsigned used = 0;

    f->stack->counters.bytes_in += len;
    while (*end)
        end = &(*end)->next;
    *end = pages;
    for (; len > 0; end = &(*end)->next, used++) {
        size_t n = min(len, PAGE_BYTES);

        (void)buf_append(*end, n);
        len -= n;
    }
    buf_free(*end);
    *end = NULL;
    f->pages = used < count            ? used
               : used < PAGES_MOST / 2 ? used * 2
                                       : PAGES_MOST;
    if (f->pages == 0)
        f->pages = 1;
}

/* Waits until f->came has data. */
static enum status await_data(struct socket_flow *f, nanoseconds deadline)
{
    struct iovec iov[PAGES_MOST];

    for (;;) {
        size_t count;
        struct buf *pages = alloc_pages(f, iov, &count);
        ssize_t n = pages ? readv(f->fd, iov, (int)count) : -1;
        int error = pages ? errno : ENOBUFS;
        enum status s = OK;

        if (n > 0) {
            store_pages(f, pages, count, (size_t)n);
            yield(f);
            return OK;
        }
        buf_free(pages);
        if (n == 0)
            f->has_ended = true;
        else if (error == EAGAIN || error == EWOULDBLOCK) {
            event_rearm(f, EVENTS_READ);
            s = event_await(f, EVENTS_READ, deadline);
        } else if (error == ENOBUFS || error == ENOMEM)
            s = event_await_memory(f, EVENTS_READ, deadline);
        else if (error != EINTR)
            s = event_break(f, error);
        if (f->over)
            return f->over;
        if (s)
            return s;
        if (f->has_ended || (f->shut & FLOW_READING))
            return ERR_EOF;
    }
}

static enum status socket_read(struct flow *flow, struct buf **data,
                               nanoseconds deadline)
{
    struct socket_flow *f = flow_of(flow);
    enum status s;

    if (f->shut & FLOW_READING)
        return f->over ? f->over : ERR_EOF;
    if (!f->came && f->has_ended)
        return f->over ? f->over : ERR_EOF;
    if (!f->came && (s = await_data(f, deadline)) != OK)
        return s;
    if (!f->came) /* another fiber shut it meanwhile */
        return f->over ? f->over : ERR_EOF;
    *data = f->came;
    f->came = (*data)->next;
    (*data)->next = NULL;
    return OK;
}

static void socket_shutdown(struct flow *flow, enum flow_side sides)
{
    struct socket_flow *f = flow_of(flow);

    f->shut |= sides;
    if (sides & FLOW_READING) {
        (void)shutdown(f->fd, SHUT_RD); /* wakes a fiber that reads */
        buf_free(f->came);
        f->came = NULL;
    }
    if ((sides & FLOW_WRITING) && !f->events.unsent && !f->events.is_opening)
        (void)shutdown(f->fd, SHUT_WR); /* or once all is sent */
}

/* On Linux, connecting to no address resets the connection at once; elsewhere
 * it is reset when it is closed, and sends nothing until then. */
static void socket_abort(struct flow *flow)
{
    static const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    struct socket_flow *f = flow_of(flow);

    (void)setsockopt(f->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
#ifdef __linux__
    (void)connect(f->fd, &(struct sockaddr){.sa_family = AF_UNSPEC},
                  sizeof(struct sockaddr_in));
#endif
    if (!f->over)
        f->over = ERR_RESET;
    event_drop(f);
    socket_shutdown(flow, FLOW_BOTH);
    wake_all(&f->events.waiters);
    if (f->events.fn)
        event_schedule(f);
}

static int unread(int fd)
{
    int n = 0;

    return ioctl(fd, FIONREAD, &n) == 0 ? n : 0;
}

/*
 * The host resets a connection that is closed with unread data, and sends the
 * queued data otherwise. It does not know of data that is in f->came, nor that
 * FLOW_READING gave up what it holds.
 */
static void socket_close(struct flow *flow)
{
    static const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    struct socket_flow *f = flow_of(flow);
    bool is_unread;

    if (f->came)
        (void)setsockopt(f->fd, SOL_SOCKET, SO_LINGER, &at_once,
                         sizeof at_once);
    for (int i = 0; i < 8 && (f->shut & FLOW_READING) && unread(f->fd) > 0; i++)
        (void)socket_discard(f);
    if (f->on_close)
        f->on_close(f->on_close_ctx);
    is_unread = f->came || (f->events.unsent && unread(f->fd) > 0);
    f->shut |= FLOW_WRITING;
    event_close(f, !is_unread);
}

static struct endpoint socket_local(const struct flow *flow)
{
    return flow_of(flow)->local;
}

static struct endpoint socket_peer(const struct flow *flow)
{
    return flow_of(flow)->peer;
}

static void socket_options(const struct flow *flow,
                           struct flow_options *options)
{
    *options = flow_of(flow)->options;
}

static void set(const struct socket_flow *f, int level, int name, int value)
{
    (void)setsockopt(f->fd, level, name, &value, sizeof value);
}

/* A length of time in units, rounded up, from 1 to most. */
static int in_units(nanoseconds length, nanoseconds unit, int most)
{
    nanoseconds n = length / unit + (length % unit != 0);

    return (int)clamp(n, (nanoseconds)1, (nanoseconds)most);
}

static void socket_set_options(struct flow *flow,
                               const struct flow_options *options)
{
    struct socket_flow *f = flow_of(flow);

    f->options = *options;
    set(f, IPPROTO_TCP, TCP_NODELAY, options->no_delay);
    set(f, SOL_SOCKET, SO_KEEPALIVE, options->keepalive_idle > 0);
    if (options->keepalive_idle > 0) {
        set(f, IPPROTO_TCP, TCP_KEEPIDLE,
            in_units(options->keepalive_idle, SECOND, 32767));
        set(f, IPPROTO_TCP, TCP_KEEPINTVL,
            in_units(options->keepalive_interval, SECOND, 32767));
        set(f, IPPROTO_TCP, TCP_KEEPCNT,
            in_units(options->keepalive_probes, 1, 127));
    }
#ifdef TCP_USER_TIMEOUT
    set(f, IPPROTO_TCP, TCP_USER_TIMEOUT,
        options->user_timeout > 0
            ? in_units(options->user_timeout, MILLISECOND, INT32_MAX)
            : 0);
#endif
}

static void socket_on_event(struct flow *flow, flow_event_handler *fn,
                            void *ctx)
{
    struct socket_flow *f = flow_of(flow);

    f->events.fn = fn;
    f->events.ctx = ctx;
    if (!fn)
        return;
    event_watch(f);
    event_schedule(f);
}

static size_t socket_room(struct flow *flow)
{
    struct socket_flow *f = flow_of(flow);
    size_t room = event_room(f);

    if (room == 0)
        event_rearm(f, EVENTS_WRITE);
    return room;
}

static const struct flow_ops socket_flow_ops = {
    .read = socket_read,
    .write = socket_write,
    .write_bufs = socket_write_bufs,
    .shutdown = socket_shutdown,
    .abort = socket_abort,
    .close = socket_close,
    .local = socket_local,
    .peer = socket_peer,
    .options = socket_options,
    .set_options = socket_set_options,
    .on_event = socket_on_event,
    .room = socket_room,
};

struct socket_flow *flow_socket_new(struct sockets *s, int fd,
                                    struct endpoint peer)
{
    struct socket_flow *f = calloc(1, sizeof *f);
    struct sockaddr_in a = {0};
    socklen_t len = sizeof a;

    if (!f) {
        close(fd);
        return NULL;
    }
    /* Flows that are not read must not take all pages from the others. */
    if (++s->flows * PAGES_OF_FLOW > s->pages &&
        buf_reserve(SOCKETS_PAGES) == OK)
        s->pages += SOCKETS_PAGES;
    (void)getsockname(fd, (struct sockaddr *)&a, &len);
    *f = (struct socket_flow){.flow.ops = &socket_flow_ops,
                              .stack = s,
                              .fd = fd,
                              .write_fd = -1,
                              .pages = 1,
                              .local = socket_endpoint(&a),
                              .peer = peer,
                              .next = s->all,
                              .back = &s->all};
    if (f->next)
        f->next->back = &f->next;
    s->all = f;
    return f;
}
