/* SPDX-License-Identifier: ISC */
/*
 * Writing to a flow on a socket: from a fiber, which waits, and from a handler,
 * which queues the data that the host does not take.
 */
#include "write_socket.h"
#include "stackv4_socket.h"
#include <mirage/macros.h>
#include <sys/socket.h>

#define PIECES 64 /* in one write */

static struct socket_flow *flow_of(struct flow *f)
{
    return containing(f, struct socket_flow, flow);
}

void socket_discard(struct socket_flow *f)
{
    ssize_t n = 1;

    for (int i = 0; n > 0 && i < 16; i++)
        n = recv(f->fd, f->stack->spill, SOCKETS_SPILL, 0);
}

/* Waits until the host takes more data, or the connection has ended. */
static enum status await_room(struct socket_flow *f, nanoseconds deadline)
{
    nanoseconds soon = time_after(10 * MILLISECOND);
    enum status s;

    /* Reading is given up; the peer may read only when its own data is read. */
    if ((f->shut & FLOW_READING) && soon < deadline) {
        socket_discard(f);
        deadline = soon;
    }
    event_rearm(f, EVENTS_WRITE);
    s = event_await(f, EVENTS_WRITE, deadline);
    return s == ERR_TIMEOUT && deadline == soon ? OK : s;
}

/* Sends all of the pieces, which it changes, after the queue. */
static enum status send_pieces(struct socket_flow *f, struct iovec *iov,
                               size_t count, nanoseconds deadline)
{
    while (count > 0) {
        size_t n = 0;
        enum status s;

        if (f->over)
            return f->over;
        if (f->shut & FLOW_WRITING)
            return ERR_EOF;
        s = event_flush(f);
        if (s == OK)
            s = event_send(f, iov, count, &n);
        if (s == ERR_TIMEOUT)
            s = f->events.lacks_pages
                    ? event_await_memory(f, EVENTS_WRITE, deadline)
                    : await_room(f, deadline);
        if (s)
            return f->over ? f->over : s;
        for (; count > 0 && n >= iov->iov_len; iov++, count--)
            n -= iov->iov_len;
        if (n > 0) {
            iov->iov_base = (uint8_t *)iov->iov_base + n;
            iov->iov_len -= n;
        }
    }
    return OK;
}

static enum status may_write(const struct socket_flow *f)
{
    return f->over ? f->over : f->shut & FLOW_WRITING ? ERR_EOF
                                                      : OK;
}

/* In a handler: sends what the host takes of count pieces; *sent is how much.
 * ERR_TIMEOUT: there is no room, not even in the queue. */
static enum status send_some(struct socket_flow *f, struct iovec *iov,
                             size_t count, size_t *sent)
{
    enum status s = may_write(f);

    *sent = 0;
    if (s != OK)
        return s;
    s = f->events.is_opening ? ERR_TIMEOUT : event_flush(f);
    if (s == OK)
        s = event_send(f, iov, count, sent);
    if (s == ERR_TIMEOUT && event_room(f) > 0)
        s = OK;
    if (s == ERR_TIMEOUT)
        event_rearm(f, EVENTS_WRITE);
    return s;
}

/* In a handler: queues a copy of what the host does not take of a span. */
static enum status write_span(struct socket_flow *f, const struct span *span)
{
    struct iovec iov = {(void *)(uintptr_t)span->data, span->len};
    size_t at;
    enum status s = send_some(f, &iov, 1, &at);

    while (s == OK && at < span->len) {
        size_t n = min(min(span->len - at, event_room(f)), PAGE_BYTES);
        struct buf *b = n > 0 ? buf_copy_in(span->data + at, n, 0) : NULL;

        if (n == 0) {
            event_rearm(f, EVENTS_WRITE);
            s = ERR_TIMEOUT;
        } else if (!b) {
            event_lacks_pages(f, EVENTS_WRITE);
            s = ERR_NO_MEMORY;
        } else {
            event_queue(f, b);
            at += n;
        }
    }
    return s;
}

enum status socket_write(struct flow *flow, const struct span *spans,
                         size_t count, nanoseconds deadline)
{
    struct socket_flow *f = flow_of(flow);
    struct iovec iov[PIECES];
    enum status s = may_write(f);

    if (f->stack->is_in_handler) {
        for (; s == OK && count > 0; spans++, count--)
            if (spans->len > 0)
                s = write_span(f, spans);
        return s;
    }
    while (s == OK && count > 0) {
        size_t n = 0;

        for (; n < PIECES && count > 0; spans++, count--)
            if (spans->len > 0)
                iov[n++] = (struct iovec){(void *)(uintptr_t)spans->data,
                                          spans->len};
        s = send_pieces(f, iov, n, deadline);
    }
    (void)fiber_yield();
    return s;
}

/* The first bufs of a list as pieces; *next is the one behind them. */
static size_t pieces_of(const struct buf *b, struct iovec *iov,
                        const struct buf **next)
{
    size_t n = 0;

    for (; n < PIECES && b; b = b->next)
        if (b->len > 0)
            iov[n++] = (struct iovec){b->data, b->len};
    *next = b;
    return n;
}

/* In a handler: sends what the host takes, and queues the rest. */
static enum status queue_bufs(struct socket_flow *f, struct buf *data)
{
    struct iovec iov[PIECES];
    const struct buf *next;
    size_t sent, count = pieces_of(data, iov, &next);
    enum status s = send_some(f, iov, count, &sent);

    if (sent > 0)
        data = buf_trim_list(data, sent);
    while (s == OK && data) {
        struct buf *b = data;

        if (b->len > 0 && event_room(f) == 0) {
            event_rearm(f, EVENTS_WRITE);
            s = ERR_TIMEOUT;
            break;
        }
        data = b->next;
        b->next = NULL;
        if (b->len > 0)
            event_queue(f, b);
        else
            buf_free(b);
    }
    buf_free(data);
    return s;
}

enum status socket_write_bufs(struct flow *flow, struct buf *data,
                              nanoseconds deadline)
{
    struct socket_flow *f = flow_of(flow);
    struct iovec iov[PIECES];
    enum status s = may_write(f);
    const struct buf *b = data;

    if (f->stack->is_in_handler)
        return queue_bufs(f, data);
    while (s == OK && b) {
        size_t n = pieces_of(b, iov, &b);

        s = send_pieces(f, iov, n, deadline);
    }
    buf_free(data);
    (void)fiber_yield();
    return s;
}
