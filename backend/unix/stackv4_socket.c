/* SPDX-License-Identifier: ISC */
/*
 * TCP and UDP by the host's sockets: the stack and its listeners.
 *
 * A port has a socket for each address that the stack listens on, and each
 * socket a fiber. Only that fiber closes the socket, since it may be waiting
 * for it; who wants a port to end leaves it without a handler and cancels its
 * fibers. A port that could not be had stays in the list with the reason, for
 * stackv4_run, until it is had after all or is not wanted any more.
 */
#define _GNU_SOURCE /* accept4 */
#include "stackv4_socket.h"
#include "command.h"
#include "events.h"
#include "resolv_conf.h"
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <limits.h>
#include <mirage/console.h>
#include <mirage/drivers.h>
#include <mirage/platform.h>
#include <mirage/text.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG      INT_MAX /* the host cuts it to what it allows */
#define PRIVILEGED   1024 /* ports below that take a right */
#define OUT_OF_FILES (100 * MILLISECOND)

LOG_SOURCE_SHARED(stackv4_socket);

/* A connection on its way to its handler, and while that runs. */
struct arrival {
    struct arrival *next, *before; /* of those that are handled */
    struct port *port;
    struct flow *flow;
    tcp_handler *fn;
    void *ctx;
    struct endpoint peer;
};

static struct sockets *sockets_of(const struct stackv4 *s)
{
    return (struct sockets *)(uintptr_t)s;
}

struct sockaddr_in socket_address(struct endpoint e)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(e.port)};

    a.sin_addr.s_addr = htonl(ipv4_number(e.ip));
    return a;
}

struct endpoint socket_endpoint(const struct sockaddr_in *a)
{
    return (struct endpoint){ipv4_of_number(ntohl(a->sin_addr.s_addr)),
                             ntohs(a->sin_port)};
}

#ifndef __linux__
static int never_blocks(int fd)
{
    if (fd >= 0) {
        (void)fcntl(fd, F_SETFL, O_NONBLOCK);
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
#ifdef SO_NOSIGPIPE
        (void)setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &(int){1}, sizeof(int));
#endif
    }
    return fd;
}
#endif

int socket_new(int type)
{
#ifdef __linux__
    return socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
#else
    return never_blocks(socket(AF_INET, type, 0));
#endif
}

static int accept_one(int fd, struct sockaddr_in *a)
{
    socklen_t len = sizeof *a;

#ifdef __linux__
    return accept4(fd, (struct sockaddr *)a, &len,
                   SOCK_NONBLOCK | SOCK_CLOEXEC);
#else
    return never_blocks(accept(fd, (struct sockaddr *)a, &len));
#endif
}

struct port *port_find(struct sockets *s, bool is_udp, uint16_t number)
{
    for (struct port *p = s->ports; p; p = p->next)
        if (p->is_udp == is_udp && p->number == number)
            return p;
    return NULL;
}

struct port *port_new(struct sockets *s, bool is_udp, uint16_t number,
                      size_t count)
{
    struct port *p = calloc(1, sizeof *p + count * sizeof p->at[0]);

    if (!p)
        return NULL;
    p->next = s->ports;
    s->ports = p;
    p->stack = s;
    p->is_udp = is_udp;
    p->number = number;
    p->count = count;
    for (size_t i = 0; i < count; i++) {
        p->at[i].port = p;
        p->at[i].fd = -1;
    }
    return p;
}

static bool is_open(const struct port *p)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->at[i].fd >= 0)
            return true;
    return false;
}

static bool is_wanted(const struct port *p)
{
    return p->tcp || p->udp;
}

/* Unless it is remembered for the reason why it could not be had. */
static void port_free_if_over(struct port *p)
{
    struct port **at = &p->stack->ports;

    if (is_open(p) || is_wanted(p) || p->failed || p->handlers > 0)
        return;
    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    free(p);
}

void port_end(struct port *p)
{
    p->tcp = NULL;
    p->udp = NULL;
    for (size_t i = 0; i < p->count; i++)
        if (p->at[i].fd >= 0 && p->at[i].fiber)
            fiber_cancel(p->at[i].fiber);
    port_free_if_over(p);
}

/* All of its addresses are served, or none. */
static void port_fail(struct port *p, enum status why)
{
    p->failed = why;
    port_end(p);
    wake_all(&p->stack->failed);
}

static void handle(void *arrival)
{
    struct arrival *a = arrival;
    struct port *p = a->port;

    a->flow->is_handlers = true;
    a->fn(a->ctx, a->flow, a->peer);
    a->flow->is_handlers = false;
    flow_close(a->flow);
    if (a->before)
        a->before->next = a->next;
    else
        p->running = a->next;
    if (a->next)
        a->next->before = a->before;
    free(a);
    p->handlers--;
    wake_all(&p->returned);
    port_free_if_over(p);
}

/* Has this address as many connections as it may? */
static bool is_over_peer_limit(const struct port *p, struct ip_address ip)
{
    unsigned count = 0;

    if (!p->limits.peer)
        return false;
    for (const struct arrival *a = p->running; a; a = a->next)
        count += ip_equal(a->peer.ip, ip);
    return count >= p->limits.peer;
}

static void reset(int fd)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};

    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fd);
}

/* Runs the handler for a new connection, fd. False: no memory. */
static bool hand_over(struct port *p, int fd, const struct sockaddr_in *from)
{
    static const struct flow_options none;
    struct arrival *a = malloc(sizeof *a);
    char name[16];
    struct fiber_options fiber = {name, p->options.stack};

    if (!a) {
        close(fd);
        return false;
    }
    *a = (struct arrival){.port = p, .fn = p->tcp, .ctx = p->ctx};
    a->peer = socket_endpoint(from);
    a->flow = flow_socket_new(p->stack, fd, a->peer);
    (void)text_format(name, sizeof name, "tcp:%u", p->number);
    if (a->flow && fiber_start_with(&fiber, handle, a) == OK) {
        if (memcmp(&p->options.flow, &none, sizeof none) != 0)
            flow_set_options(a->flow, &p->options.flow);
        p->handlers++;
        a->next = p->running;
        if (a->next)
            a->next->before = a;
        p->running = a;
        return true;
    }
    if (a->flow)
        flow_close(a->flow);
    free(a);
    return false;
}

/*
 * accept could not. What is wrong with the one connection that it would have
 * given does not concern the others (accept(2) passes on such errors).
 */
static void not_accepted(struct listener *l, int error)
{
    struct sockets *s = l->port->stack;

    switch (error) {
    case EAGAIN:
#if EWOULDBLOCK != EAGAIN
    case EWOULDBLOCK:
#endif
        if (events_wait(l->fd, false, FOREVER) != OK)
            return; /* cancelled: the loop looks */
        break;
    case EINTR:
    case ECONNABORTED:
        break;
    default:
        if (!s->was_short_of_files)
            log_warning(&stackv4_socket,
                        "tcp %s:%u: no connection can be taken for now: %s%s",
                        ip_text(l->ip).s, l->port->number, strerror(error),
                        error == EMFILE ? "; `ulimit -n` says how many files "
                                          "this process may have open"
                        : error == ENFILE
                            ? "; `sysctl fs.file-max` says how many files this "
                              "host may have open"
                            : "");
        s->was_short_of_files = true;
        (void)time_sleep(OUT_OF_FILES);
    }
}

static void serve_tcp(void *listener)
{
    struct listener *l = listener;
    struct port *p = l->port;

    l->fiber = fiber_self();
    while (p->tcp && !fiber_is_cancelled()) {
        struct sockaddr_in from;
        int fd;

        if (p->limits.handlers && p->handlers >= p->limits.handlers) {
            if (wait_until(&p->returned, FOREVER) != OK)
                break;
            continue;
        }
        fd = accept_one(l->fd, &from);
        if (fd < 0) {
            not_accepted(l, errno);
            (void)fiber_yield();
            continue;
        }
        if (is_over_peer_limit(p, socket_endpoint(&from).ip)) {
            p->stack->counters.over_peer_limit++;
            reset(fd);
        } else if (hand_over(p, fd, &from))
            p->stack->counters.accepted++;
        else
            p->stack->counters.dropped++;
        (void)fiber_yield();
    }
    listener_end(l);
}

static fiber_fn *serve(const struct port *p)
{
    return p->is_udp ? udp_socket_serve : serve_tcp;
}

void listener_end(struct listener *l)
{
    struct port *p = l->port;

    l->fiber = NULL;
    if (is_wanted(p) && fiber_start_as("listener", serve(p), l) == OK)
        return;
    close(l->fd);
    l->fd = -1;
    if (is_wanted(p))
        port_fail(p, ERR_NO_MEMORY);
    port_free_if_over(p);
}

/* Logs why the host does not let us have it, and what helps. */
static enum status cannot_listen(const struct port *p,
                                 const struct listener *l, int error)
{
    const char *protocol = p->is_udp ? "udp" : "tcp";
    struct ip_text ip = ip_text(l->ip);
    char *command;

    switch (error) {
    case EADDRINUSE:
        log_error(&stackv4_socket,
                  "%s %s:%u: the port is in use; take another one, or stop "
                  "who has it: `ss -%slnp 'sport = :%u'` shows who",
                  protocol, ip.s, p->number, p->is_udp ? "u" : "t",
                  p->number);
        return ERR_IN_USE;
    case EACCES:
    case EPERM:
        if (p->number >= PRIVILEGED) {
            log_error(&stackv4_socket,
                      "%s %s:%u: not permitted: something on this host "
                      "forbids it, such as a sandbox",
                      protocol, ip.s, p->number);
            return ERR_PERMISSION;
        }
        command = own_command();
        log_error(&stackv4_socket,
                  "%s %s:%u: not permitted: a port below 1024 takes a right; "
                  "run the image by `sudo %s`, or give it the right: `sudo "
                  "setcap cap_net_bind_service+ep %s`",
                  protocol, ip.s, p->number, command, command);
        free(command);
        return ERR_PERMISSION;
    case EADDRNOTAVAIL:
        log_error(&stackv4_socket,
                  "%s %s:%u: this host does not have that address now; `ip "
                  "address` shows those that it has",
                  protocol, ip.s, p->number);
        return ERR_NOT_FOUND;
    default:
        log_error(&stackv4_socket, "%s %s:%u: %s", protocol, ip.s, p->number,
                  strerror(error));
        return error == ENOBUFS || error == ENOMEM || error == EMFILE ||
                       error == ENFILE
                   ? ERR_NO_MEMORY
                   : ERR_IO;
    }
}

static int backlog_of(const struct port *p)
{
    return p->limits.half_open ? (int)p->limits.half_open : BACKLOG;
}

static enum status listener_open(struct listener *l)
{
    struct port *p = l->port;
    struct sockaddr_in a = socket_address((struct endpoint){l->ip, p->number});
    int yes = 1, error;

    l->fd = socket_new(p->is_udp ? SOCK_DGRAM : SOCK_STREAM);
    if (l->fd < 0)
        return cannot_listen(p, l, errno);
    /* So that connections that have just ended (RFC 9293, 3.6.1) do not keep
     * the port from the next run; for UDP it would mean sharing the port. */
    if (p->is_udp)
        udp_socket_prepare(l->fd);
    else
        (void)setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    error = bind(l->fd, (struct sockaddr *)&a, sizeof a) == 0 &&
                    (p->is_udp || listen(l->fd, backlog_of(p)) == 0)
                ? 0
                : errno;
    if (!error && fiber_start_as("listener", serve(p), l) == OK)
        return OK;
    close(l->fd);
    l->fd = -1;
    return cannot_listen(p, l, error ? error : ENOMEM);
}

static enum status port_open(struct port *p)
{
    for (size_t i = 0; i < p->count; i++) {
        enum status s = p->at[i].fd < 0 ? listener_open(&p->at[i]) : OK;

        if (s) {
            port_fail(p, s);
            return s;
        }
    }
    return OK;
}

/* Is address i one that another of the list stands for, too? */
static bool is_covered(const struct sockets *s, size_t i)
{
    for (size_t k = 0; k < s->address_count; k++)
        if (k != i && ((ipv4_number(s->address[k]) == 0 &&
                        ipv4_number(s->address[i]) != 0) ||
                       (k < i && ip_equal(s->address[k], s->address[i]))))
            return true;
    return false;
}

/* The port that a call of listen is about: a listener's. A port that open_udp
 * has chosen can be ended, but not taken over: binding another one fails. */
static struct port *listened_port(struct sockets *s, bool is_udp,
                                  uint16_t number, bool to_end)
{
    struct port *p = s->ports;

    while (p && (p->is_udp != is_udp || p->number != number ||
                 (p->is_opened && p->udp) != to_end))
        p = p->next;
    return p || !to_end ? p : listened_port(s, is_udp, number, false);
}

static enum status listen_on(struct sockets *s, bool is_udp, uint16_t number,
                             tcp_handler *tcp, udp_handler *udp, void *ctx)
{
    struct port *p = listened_port(s, is_udp, number, !tcp && !udp);
    size_t count = 0;

    if (!tcp && !udp) {
        if (p) {
            p->failed = OK;
            p->limits = (struct tcp_limits){0};
            p->options = (struct tcp_options){0};
            port_end(p);
        }
        return OK;
    }
    if (!p) {
        p = port_new(s, is_udp, number, s->address_count);
        if (!p)
            return ERR_NO_MEMORY;
        for (size_t i = 0; i < s->address_count; i++)
            if (!is_covered(s, i))
                p->at[count++].ip = s->address[i];
        p->count = count;
    }
    p->failed = OK;
    p->is_opened = false;
    p->tcp = tcp;
    p->udp = udp;
    p->ctx = ctx;
    return port_open(p);
}

static enum status sockets_listen_tcp(struct stackv4 *s, uint16_t port,
                                      tcp_handler *fn, void *ctx)
{
    return listen_on(sockets_of(s), false, port, fn, NULL, ctx);
}

/* listen(2) once more only changes the length of the queue. */
static enum status sockets_limit_tcp(struct stackv4 *s, uint16_t port,
                                     const struct tcp_limits *limits)
{
    struct port *p = port_find(sockets_of(s), false, port);

    if (!p || !is_wanted(p))
        return ERR_NOT_FOUND;
    p->limits = *limits;
    if (p->limits.half_open > INT_MAX)
        p->limits.half_open = INT_MAX;
    for (size_t i = 0; i < p->count; i++)
        if (p->at[i].fd >= 0)
            (void)listen(p->at[i].fd, backlog_of(p));
    wake_all(&p->returned);
    return OK;
}

static enum status sockets_set_tcp_options(struct stackv4 *s, uint16_t port,
                                           const struct tcp_options *options)
{
    struct port *p = port_find(sockets_of(s), false, port);

    if (!p || !is_wanted(p))
        return ERR_NOT_FOUND;
    p->options = *options;
    return OK;
}

static enum status sockets_listen_udp(struct stackv4 *s, uint16_t port,
                                      udp_handler *fn, void *ctx)
{
    return listen_on(sockets_of(s), true, port, NULL, fn, ctx);
}

static enum status sockets_open_udp(struct stackv4 *s,
                                    const struct endpoint *peer,
                                    udp_handler *fn, void *ctx, uint16_t *port)
{
    return udp_socket_open(sockets_of(s), peer, fn, ctx, port);
}

static enum status sockets_udp_write(struct stackv4 *s, uint16_t from,
                                     struct endpoint to, const void *data,
                                     size_t len)
{
    return udp_socket_write(sockets_of(s), from, to, data, len);
}

static enum status sockets_connect(struct stackv4 *s, struct endpoint to,
                                   nanoseconds deadline, struct flow **flow)
{
    return flow_socket_connect(sockets_of(s), to, deadline, flow);
}

static enum status first_failure(const struct sockets *s)
{
    for (const struct port *p = s->ports; p; p = p->next)
        if (p->failed)
            return p->failed;
    return OK;
}

static enum status sockets_run(struct stackv4 *stack)
{
    struct sockets *s = sockets_of(stack);
    enum status status;

    while ((status = first_failure(s)) == OK)
        if ((status = wait_until(&s->failed, FOREVER)) != OK)
            break;
    return status;
}

static enum status sockets_ip_at(const struct stackv4 *s, size_t i,
                                 struct ip_address *ip)
{
    if (i >= sockets_of(s)->address_count)
        return ERR_NOT_FOUND;
    *ip = sockets_of(s)->address[i];
    return OK;
}

/* The host keeps routes to itself; netmask and DNS servers it tells. */
static void sockets_address(const struct stackv4 *s,
                            struct stackv4_address *address)
{
    struct ip_address ip = sockets_of(s)->address[0];
    struct ifaddrs *all = NULL;

    *address = (struct stackv4_address){
        .ip = ip, .prefix = 32, .gateway = ipv4_of_number(0)};
    address->dns_count = resolv_conf_servers(
        "/etc/resolv.conf", address->dns,
        sizeof address->dns / sizeof *address->dns);
    if (ipv4_number(ip) == 0)
        address->prefix = 0;
    if (getifaddrs(&all) != 0)
        return;
    for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
        const struct sockaddr_in *a = (const void *)i->ifa_addr;
        const struct sockaddr_in *mask = (const void *)i->ifa_netmask;

        if (a && mask && a->sin_family == AF_INET &&
            ip_equal(socket_endpoint(a).ip, ip) &&
            ipv4_prefix(socket_endpoint(mask).ip, &address->prefix) == OK)
            break;
    }
    freeifaddrs(all);
}

/* Addresses are the host's, who tells nobody when they change. */
static void sockets_on_address(struct stackv4 *s, address_handler *fn,
                               void *ctx)
{
    (void)s, (void)fn, (void)ctx;
}

static void sockets_counters(const struct stackv4 *s, counter_handler *fn,
                             void *ctx)
{
    const struct socket_counters *c = &sockets_of(s)->counters;

    fn(ctx, "tcp_accepted", c->accepted);
    fn(ctx, "tcp_opened", c->opened);
    fn(ctx, "tcp_refused", c->refused);
    fn(ctx, "tcp_dropped", c->dropped);
    fn(ctx, "tcp_over_peer_limit", c->over_peer_limit);
    fn(ctx, "tcp_bytes_in", c->bytes_in);
    fn(ctx, "tcp_bytes_out", c->bytes_out);
    fn(ctx, "udp_in", c->datagrams_in);
    fn(ctx, "udp_out", c->datagrams_out);
    fn(ctx, "udp_dropped", c->datagrams_dropped);
}

/* What is queued is the host's affair, and outlives us. */
static void sockets_finish(struct stackv4 *s)
{
    (void)s;
}

static const struct stackv4_ops sockets_ops = {
    .ip_at = sockets_ip_at,
    .address = sockets_address,
    .on_address = sockets_on_address,
    .listen_udp = sockets_listen_udp,
    .listen_tcp = sockets_listen_tcp,
    .limit_tcp = sockets_limit_tcp,
    .set_tcp_options = sockets_set_tcp_options,
    .open_udp = sockets_open_udp,
    .udp_write = sockets_udp_write,
    .connect = sockets_connect,
    .run = sockets_run,
    .finish = sockets_finish,
    .counters = sockets_counters,
};

/* Is it an address of this host, or 0.0.0.0, all of them? */
static enum status check_address(const char *text, struct ip_address *ip)
{
    struct sockaddr_in a;
    int fd, error;

    if (ip_parse(text, ip) != OK) {
        log_error(&stackv4_socket,
                  "%s is no IPv4 address; one to listen on is 0.0.0.0, for "
                  "all that this host has",
                  text);
        return ERR_FORMAT;
    }
    a = socket_address((struct endpoint){*ip, 0});
    fd = socket_new(SOCK_DGRAM);
    if (fd < 0) {
        log_error(&stackv4_socket, "no socket can be had: %s",
                  strerror(errno));
        return ERR_NO_MEMORY;
    }
    error = bind(fd, (struct sockaddr *)&a, sizeof a) == 0 ? 0 : errno;
    close(fd);
    if (error == EADDRNOTAVAIL) {
        log_error(&stackv4_socket,
                  "%s is none of this host's addresses; `ip address` shows "
                  "them",
                  text);
        return ERR_NOT_FOUND;
    }
    return OK;
}

static void stack_free(struct sockets *s)
{
    if (s->spill)
        page_free(s->spill, SOCKETS_SPILL / PAGE_BYTES);
    free(s->address);
    free(s);
}

enum status stackv4_socket_connect(struct console *log,
                                   const char *const *addresses,
                                   struct stackv4 **stack)
{
    struct sockets *s = calloc(1, sizeof *s);
    enum status status = OK;
    size_t count = 0;

    console_log(log, "Manager: connect");
    console_log(log, "Manager: configuring");
    while (addresses[count])
        count++;
    if (!s)
        return ERR_NO_MEMORY;
    s->stack.ops = &sockets_ops;
    s->sending.fd = -1;
    s->pages = SOCKETS_PAGES;
    s->address = calloc(count + 1, sizeof *s->address);
    s->spill = page_alloc(SOCKETS_SPILL / PAGE_BYTES);
    if (!s->address || !s->spill || buf_reserve(SOCKETS_PAGES) != OK)
        status = ERR_NO_MEMORY;
    for (; status == OK && *addresses; addresses++)
        status = check_address(*addresses, &s->address[s->address_count++]);
    if (status) {
        stack_free(s);
        return status;
    }
    *stack = &s->stack;
    return OK;
}
