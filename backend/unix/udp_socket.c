/* SPDX-License-Identifier: ISC */
/*
 * UDP by the host's sockets. A listener remembers to which of the host's
 * addresses the last datagram was sent, and sends the answer from there, since
 * the peer expects it from that address. An ICMP error fails the next call on
 * the socket, whichever peer that is for; the error queue (ip(7), IP_RECVERR)
 * names the peer, so that datagrams to other peers do not fail.
 */
#define _GNU_SOURCE /* struct in_pktinfo */
#include "udp_socket.h"
#include "events.h"
#include "stackv4_socket.h"
#include <errno.h>
#include <mirage/macros.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/errqueue.h>
#endif

/* Bounds of loops in which more may arrive meanwhile: errors; datagrams of
 * others than the peer, of which a socket's buffer has no more. */
#define ERRORS_MOST    64
#define STRANGERS_MOST 1024

union control {
    struct cmsghdr header; /* for its alignment */
    char bytes[512];
};

static void prepare(int fd)
{
    int yes = 1;

    (void)setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &yes, sizeof yes);
#ifdef IP_PKTINFO
    (void)setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &yes, sizeof yes);
#endif
#ifdef IP_RECVERR
    (void)setsockopt(fd, IPPROTO_IP, IP_RECVERR, &yes, sizeof yes);
#endif
}

static bool is_same(struct endpoint a, struct endpoint b)
{
    return a.port == b.port && ip_equal(a.ip, b.ip);
}

/* Reads the error queue, and remembers the last peer that refused a datagram.
 * Errors beyond ERRORS_MOST are read the next time. */
static void read_errors(struct listener *l)
{
#ifdef IP_RECVERR
    for (int i = 0; i < ERRORS_MOST; i++) {
        struct sockaddr_in to;
        union control control;
        struct msghdr message = {.msg_name = &to,
                                 .msg_namelen = sizeof to,
                                 .msg_control = control.bytes,
                                 .msg_controllen = sizeof control};

        /* An error has a control message. (QEMU's user mode returns messages
         * without one, endlessly.) */
        if (recvmsg(l->fd, &message, MSG_ERRQUEUE) < 0 ||
            !CMSG_FIRSTHDR(&message))
            return;
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c;
             c = CMSG_NXTHDR(&message, c)) {
            struct sock_extended_err e;

            if (c->cmsg_level != IPPROTO_IP || c->cmsg_type != IP_RECVERR ||
                c->cmsg_len < CMSG_LEN(sizeof e))
                continue;
            memcpy(&e, CMSG_DATA(c), sizeof e);
            if (e.ee_errno == ECONNREFUSED)
                l->refused_by = socket_endpoint(&to);
        }
    }
#else
    (void)l;
#endif
}

/* Returns the address of ours that a datagram was sent to; otherwise, if the
 * host does not tell. */
static struct ip_address sent_to(struct msghdr *message,
                                 struct ip_address otherwise)
{
#ifdef IP_PKTINFO
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c;
         c = CMSG_NXTHDR(message, c)) {
        struct in_pktinfo info;

        if (c->cmsg_level != IPPROTO_IP || c->cmsg_type != IP_PKTINFO ||
            c->cmsg_len < CMSG_LEN(sizeof info))
            continue;
        memcpy(&info, CMSG_DATA(c), sizeof info);
        /* Not ipi_addr, which may be a broadcast address. */
        return ipv4_of_number(ntohl(info.ipi_spec_dst.s_addr));
    }
#else
    (void)message;
#endif
    return otherwise;
}

/* Passes a datagram of len bytes to the handler: the first of them are in page,
 * the others in the stack's spill. One longer than UDP_MOST is dropped. */
static void deliver(struct listener *l, struct buf *page, size_t len)
{
    struct port *p = l->port;
    struct sockets *s = p->stack;
    size_t here = min(len, PAGE_BYTES);

    if (here > 0)
        (void)buf_append(page, here);
    if (len > here)
        page->next = buf_copy_in(s->spill, len - here, 0);
    if (len > UDP_MOST || (len > here && !page->next)) {
        s->counters.datagrams_dropped++;
        return;
    }
    s->counters.datagrams_in++;
    p->calls.udp(p->calls.ctx, l->peer, (struct endpoint){l->ip, p->number},
                 page);
}

/* Receives one datagram. ERR_TIMEOUT: there is none. ERR_NO_MEMORY: there is no
 * page for one. */
static enum status receive(struct listener *l)
{
    struct sockaddr_in from = {.sin_family = AF_INET};
    union control control;
    struct buf *page = buf_new(0);
    struct iovec iov[2];
    struct msghdr message = {.msg_name = &from,
                             .msg_namelen = sizeof from,
                             .msg_iov = iov,
                             .msg_iovlen = 2,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control};
    ssize_t n;

    if (!page)
        return ERR_NO_MEMORY;
    iov[0] = (struct iovec){page->data, PAGE_BYTES};
    iov[1] = (struct iovec){l->port->stack->spill, SOCKETS_SPILL};
    n = recvmsg(l->fd, &message, 0);
    if (n >= 0) {
        l->peer = socket_endpoint(&from);
        l->local = sent_to(&message, l->ip);
        deliver(l, page, (size_t)n);
        buf_free(page);
        return OK;
    }
    buf_free(page);
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return ERR_TIMEOUT;
    /* An error of a datagram that was sent. The error queue must be emptied, or
     * the socket would count as ready. */
    read_errors(l);
    return OK;
}

static void serve(void *listener)
{
    struct listener *l = listener;
    struct port *p = l->port;

    l->fiber = fiber_self();
    while (p->calls.udp && !fiber_is_cancelled()) {
        enum status s = receive(l);

        if (s == ERR_TIMEOUT) {
            if (events_wait(l->fd, false, FOREVER) == OK)
                read_errors(l);
        } else if (s == ERR_NO_MEMORY) {
            (void)time_sleep(MILLISECOND);
        } else {
            (void)fiber_yield();
        }
    }
    listener_end(l);
}

const struct port_protocol udp_socket_protocol = {
    .name = "udp",
    .type = SOCK_DGRAM,
    .prepare = prepare,
    .serve = serve,
};

/* Sends on l; if `to` was the last peer to send, from the address that it sent
 * to. Returns 0 or the error. */
static int send_on(const struct listener *l, struct endpoint to,
                   const void *data, size_t len)
{
    struct sockaddr_in a = socket_address(to);
    struct iovec iov = {(void *)(uintptr_t)data, len};
    struct msghdr message = {.msg_name = &a,
                             .msg_namelen = sizeof a,
                             .msg_iov = &iov,
                             .msg_iovlen = 1};
#ifdef IP_PKTINFO
    union control control;
    struct in_pktinfo info = {0};
    struct cmsghdr *c = &control.header;

    if (l->port && is_same(l->peer, to) && ipv4_number(l->local) != 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(sizeof info);
        c->cmsg_level = IPPROTO_IP;
        c->cmsg_type = IP_PKTINFO;
        c->cmsg_len = CMSG_LEN(sizeof info);
        info.ipi_spec_dst.s_addr = htonl(ipv4_number(l->local));
        memcpy(CMSG_DATA(c), &info, sizeof info);
    }
#endif
    return sendmsg(l->fd, &message, 0) >= 0 ? 0 : errno;
}

static enum status write_on(struct sockets *s, struct listener *l,
                            struct endpoint to, const void *data, size_t len)
{
    int error = EINTR;

    if (l->refused_by.port == 0 || !is_same(l->refused_by, to))
        error = send_on(l, to, data, len);
    /* It may be the error of an earlier datagram: send again, unless that was
     * for the same peer. */
    for (int i = 0; i < 3 && (error == ECONNREFUSED || error == EINTR ||
                              error == EHOSTUNREACH);
         i++) {
        read_errors(l);
        if (l->refused_by.port != 0 && is_same(l->refused_by, to)) {
            l->refused_by.port = 0;
            return ERR_REFUSED;
        }
        error = send_on(l, to, data, len);
    }
    switch (error) {
    case 0:
        s->counters.datagrams_out++;
        return OK;
    case EAGAIN:
    case ENOBUFS:
    case ENOMEM:
        s->counters.datagrams_dropped++;
        return ERR_NO_MEMORY;
    case ECONNREFUSED:
        return ERR_REFUSED;
    case EMSGSIZE:
        return ERR_RANGE;
    default:
        return ERR_UNREACHABLE;
    }
}

/* Opens a socket without a handler, bound to port number, or to any (0). */
static enum status open_sender(struct listener *l, uint16_t number)
{
    struct sockaddr_in a = socket_address(
        (struct endpoint){ipv4_of_number(0), number});
    enum status s = OK;

    l->fd = socket_new(SOCK_DGRAM);
    if (l->fd < 0)
        return ERR_NO_MEMORY;
    prepare(l->fd);
    if (bind(l->fd, (struct sockaddr *)&a, sizeof a) != 0) {
        s = errno == EACCES ? ERR_PERMISSION : ERR_IN_USE;
        close(l->fd);
        l->fd = -1;
    }
    return s;
}

/* The socket of a port to send to `to` by: the one that it sent to last. */
static struct listener *choose_listener(struct port *p, struct endpoint to)
{
    struct listener *first = NULL;

    for (size_t i = 0; i < p->count; i++) {
        if (p->at[i].fd < 0)
            continue;
        if (is_same(p->at[i].peer, to))
            return &p->at[i];
        if (!first)
            first = &p->at[i];
    }
    return first;
}

enum status udp_socket_write(struct sockets *s, uint16_t from,
                             struct endpoint to, const void *data, size_t len)
{
    struct port *p = from ? port_find(s, &udp_socket_protocol, from) : NULL;
    struct listener *l = p ? choose_listener(p, to) : NULL;
    struct listener once = {.fd = -1};
    enum status status;

    if (!l && from == 0) {
        l = &s->sending;
        if (l->fd < 0 && (status = open_sender(l, 0)) != OK)
            return status;
    }
    if (l)
        return write_on(s, l, to, data, len);
    if ((status = open_sender(&once, from)) != OK)
        return status;
    status = write_on(s, &once, to, data, len);
    close(once.fd);
    return status;
}

static struct port *port_of(struct udp_port *port)
{
    return containing(port, struct port, udp_port);
}

static enum status write_port(struct udp_port *port, struct endpoint to,
                              const void *data, size_t len)
{
    struct port *p = port_of(port);

    return write_on(p->stack, &p->at[0], to, data, len);
}

static void close_port(struct udp_port *port)
{
    port_end(port_of(port));
}

static const struct udp_port_ops port_ops = {
    .write = write_port,
    .close = close_port,
};

enum status udp_socket_open(struct sockets *s, const struct endpoint *peer,
                            udp_handler *fn, void *ctx,
                            struct udp_port **port)
{
    struct listener l = {.fd = -1};
    struct sockaddr_in a;
    socklen_t len = sizeof a;
    struct port *p;
    enum status status = open_sender(&l, 0);

    if (status)
        return status;
    if (peer) {
        a = socket_address(*peer);
        if (connect(l.fd, (struct sockaddr *)&a, sizeof a) != 0) {
            close(l.fd);
            return ERR_UNREACHABLE;
        }
        /* Drop datagrams that others sent before the socket was connected. */
        for (int i = 0; i < STRANGERS_MOST; i++)
            if (recv(l.fd, s->spill, SOCKETS_SPILL, 0) < 0)
                break;
    }
    if (getsockname(l.fd, (struct sockaddr *)&a, &len) != 0 ||
        !(p = port_new(s, &udp_socket_protocol, socket_endpoint(&a).port,
                       1))) {
        close(l.fd);
        return ERR_NO_MEMORY;
    }
    p->udp_port = (struct udp_port){.ops = &port_ops, .number = p->number};
    p->is_opened = true;
    p->calls.udp = fn;
    p->calls.ctx = ctx;
    p->at[0].fd = l.fd;
    p->at[0].ip = socket_endpoint(&a).ip;
    if (fiber_start_as("udp", serve, &p->at[0]) != OK) {
        close(l.fd);
        p->at[0].fd = -1;
        port_end(p);
        return ERR_NO_MEMORY;
    }
    *port = &p->udp_port;
    return OK;
}
