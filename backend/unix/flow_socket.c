/* SPDX-License-Identifier: ISC */
/*
 * A flow that is one of the host's TCP connections.
 *
 * Each call first tries, and waits only where the host would have. A read
 * takes as many pages as the last ones filled, up to PAGES_MOST, and keeps for
 * the next reads what was not asked for yet. A file descriptor can be waited
 * for by one fiber at a time (events.h), so the first write that has to wait
 * makes a second one of the same socket.
 *
 * The host tells of the end of a connection only once, and afterwards of
 * something else; so the first cause is kept.
 */
#define _GNU_SOURCE
#include "flow_socket.h"
#include "events.h"
#include "stackv4_socket.h"
#include <errno.h>
#include <fcntl.h>
#include <mirage/flow.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* socket_new has said so of the whole socket */
#endif
#ifndef TCP_KEEPIDLE
#define TCP_KEEPIDLE TCP_KEEPALIVE
#endif

#define PAGES_MOST    16 /* in one read */
#define PAGES_OF_FLOW 4 /* that are reserved at least */
#define PIECES        64 /* in one write */

struct socket_flow {
    struct flow flow; /* first */
    struct sockets *stack;
    int fd, write_fd; /* the same socket; -1: not needed yet */
    unsigned shut; /* enum flow_side */
    bool has_ended; /* the peer has finished */
    enum status over; /* why it broke off; OK: it did not */
    struct buf *came; /* read and not yet asked for */
    unsigned pages; /* for the next read */
    struct endpoint local, peer;
    struct flow_options options;
};

static struct socket_flow *flow_of(const struct flow *f)
{
    return (struct socket_flow *)(uintptr_t)f;
}

static enum status break_off(struct socket_flow *f, int error)
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
    return f->over;
}

/* The host is out of something for a moment. */
static enum status wait_a_little(nanoseconds deadline)
{
    nanoseconds soon = time_after(MILLISECOND);
    enum status s;

    if (deadline <= time_now())
        return ERR_TIMEOUT;
    s = time_sleep_until(soon < deadline ? soon : deadline);
    return s;
}

/* Empty pages for a read, as a list, at least one; and their bytes. */
static struct buf *take_pages(const struct socket_flow *f, struct iovec *iov,
                              size_t *count)
{
    struct buf *first = NULL, **end = &first;
    size_t most = 1 + buf_pages_free() / 8; /* leave some for others */

    if (most > f->pages)
        most = f->pages;
    for (*count = 0; *count < most && (*end = buf_new(0)); ++*count) {
        iov[*count].iov_base = (*end)->data;
        iov[*count].iov_len = PAGE_BYTES;
        end = &(*end)->next;
    }
    return first;
}

/* Keeps in f the pages that len bytes have come into, and frees the others. */
static void keep_pages(struct socket_flow *f, struct buf *pages, size_t count,
                       size_t len)
{
    struct buf **end = &f->came;
    unsigned used = 0;

    f->stack->counters.bytes_in += len;
    while (*end)
        end = &(*end)->next;
    *end = pages;
    for (; len > 0; end = &(*end)->next, used++) {
        size_t n = len < PAGE_BYTES ? len : PAGE_BYTES;

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

/* Waits for data, until f->came has some. */
static enum status await_data(struct socket_flow *f, nanoseconds deadline)
{
    struct iovec iov[PAGES_MOST];

    for (;;) {
        size_t count;
        struct buf *pages = take_pages(f, iov, &count);
        ssize_t n = pages ? readv(f->fd, iov, (int)count) : -1;
        int error = pages ? errno : ENOBUFS;
        enum status s = OK;

        if (n > 0) {
            keep_pages(f, pages, count, (size_t)n);
            (void)fiber_yield();
            return OK;
        }
        buf_free(pages);
        if (n == 0)
            f->has_ended = true;
        else if (error == EAGAIN || error == EWOULDBLOCK)
            s = events_wait(f->fd, false, deadline);
        else if (error == ENOBUFS || error == ENOMEM)
            s = wait_a_little(deadline);
        else if (error != EINTR)
            s = break_off(f, error);
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
    if (!f->came) /* another fiber shut it while others had their turn */
        return f->over ? f->over : ERR_EOF;
    *data = f->came;
    f->came = (*data)->next;
    (*data)->next = NULL;
    return OK;
}

/* Reads and forgets some of what is there. False: no more will come. */
static bool discard(const struct sockets *s, int fd)
{
    ssize_t n = 1;

    for (int i = 0; n > 0 && i < 16; i++)
        n = recv(fd, s->spill, SOCKETS_SPILL, 0);
    return n > 0 || (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK ||
                               errno == EINTR));
}

/* Until there is room for more, or something else to be said. */
static enum status await_room(struct socket_flow *f, nanoseconds deadline)
{
    nanoseconds soon = time_after(10 * MILLISECOND);
    enum status s;

    /* Nobody reads any more; the peer may, once it has got rid of its own. */
    if ((f->shut & FLOW_READING) && soon < deadline) {
        (void)discard(f->stack, f->fd);
        deadline = soon;
    }
    if (f->write_fd < 0)
        f->write_fd = fcntl(f->fd, F_DUPFD_CLOEXEC, 0);
    if (f->write_fd < 0)
        return wait_a_little(deadline); /* no descriptor is left */
    s = events_wait(f->write_fd, true, deadline);
    return s == ERR_TIMEOUT && deadline == soon ? OK : s;
}

/* Sends all of the pieces, which it changes. */
static enum status send_pieces(struct socket_flow *f, struct iovec *iov,
                               size_t count, nanoseconds deadline)
{
    while (count > 0) {
        struct msghdr message = {.msg_iov = iov};
        ssize_t n;
        enum status s = OK;

        message.msg_iovlen = count;
        if (f->over)
            return f->over;
        if (f->shut & FLOW_WRITING)
            return ERR_EOF;
        n = sendmsg(f->fd, &message, MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            s = await_room(f, deadline);
        else if (n < 0 && (errno == ENOBUFS || errno == ENOMEM))
            s = wait_a_little(deadline);
        else if (n < 0 && errno != EINTR)
            s = break_off(f, errno);
        if (s)
            return f->over ? f->over : s;
        if (n < 0)
            continue;
        f->stack->counters.bytes_out += (size_t)n;
        for (; count > 0 && (size_t)n >= iov->iov_len; iov++, count--)
            n -= (ssize_t)iov->iov_len;
        if (n > 0) {
            iov->iov_base = (uint8_t *)iov->iov_base + n;
            iov->iov_len -= (size_t)n;
        }
    }
    return OK;
}

static enum status may_write(const struct socket_flow *f)
{
    return f->over ? f->over : f->shut & FLOW_WRITING ? ERR_EOF
                                                      : OK;
}

static enum status socket_write(struct flow *flow, const struct span *spans,
                                size_t count, nanoseconds deadline)
{
    struct socket_flow *f = flow_of(flow);
    struct iovec iov[PIECES];
    enum status s = may_write(f);

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

static enum status socket_write_bufs(struct flow *flow, struct buf *data,
                                     nanoseconds deadline)
{
    struct socket_flow *f = flow_of(flow);
    struct iovec iov[PIECES];
    enum status s = may_write(f);

    for (const struct buf *b = data; s == OK && b;) {
        size_t n = 0;

        for (; n < PIECES && b; b = b->next)
            if (b->len > 0)
                iov[n++] = (struct iovec){b->data, b->len};
        s = send_pieces(f, iov, n, deadline);
    }
    buf_free(data);
    (void)fiber_yield();
    return s;
}

static void socket_shutdown(struct flow *flow, unsigned sides)
{
    struct socket_flow *f = flow_of(flow);

    f->shut |= sides;
    if (sides & FLOW_READING) {
        (void)shutdown(f->fd, SHUT_RD); /* wakes who reads */
        buf_free(f->came);
        f->came = NULL;
    }
    if (sides & FLOW_WRITING)
        (void)shutdown(f->fd, SHUT_WR);
}

/*
 * Linux resets a connection that is "connected" to no address; elsewhere it is
 * reset when it is closed, and until then just silent.
 */
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
    socket_shutdown(flow, FLOW_READING | FLOW_WRITING);
}

static int unread(int fd)
{
    int n = 0;

    return ioctl(fd, FIONREAD, &n) == 0 ? n : 0;
}

static void flow_free(struct socket_flow *f)
{
    f->stack->flows--;
    close(f->fd);
    free(f);
}

/*
 * The host resets a connection that is closed with unread data, and sends what
 * is queued otherwise. It does not know of the data that we have read and
 * nobody has asked for, nor of those that were given up by FLOW_READING.
 */
static void socket_close(struct flow *flow)
{
    static const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    struct socket_flow *f = flow_of(flow);

    if (f->came)
        (void)setsockopt(f->fd, SOL_SOCKET, SO_LINGER, &at_once,
                         sizeof at_once);
    for (int i = 0; i < 8 && (f->shut & FLOW_READING) && unread(f->fd) > 0; i++)
        (void)discard(f->stack, f->fd);
    if (f->write_fd >= 0)
        close(f->write_fd);
    buf_free(f->came);
    flow_free(f);
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

/* A length in units, rounded up, from 1 to most. */
static int in_units(nanoseconds length, nanoseconds unit, int most)
{
    nanoseconds n = length / unit + (length % unit != 0);

    return n < 1 ? 1 : n > (nanoseconds)most ? most
                                             : (int)n;
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
};

struct flow *flow_socket_new(struct sockets *s, int fd, struct endpoint peer)
{
    struct socket_flow *f = calloc(1, sizeof *f);
    struct sockaddr_in a = {0};
    socklen_t len = sizeof a;

    if (!f) {
        close(fd);
        return NULL;
    }
    /* Flows that nobody reads must not keep the pages from the others. */
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
                              .peer = peer};
    return &f->flow;
}
