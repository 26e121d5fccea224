/* SPDX-License-Identifier: ISC */
/*
 * stackv4 by the host's sockets: the device.
 */
#include "stackv4_socket.h"
#include "event_socket.h"
#include "resolv_conf.h"
#include "tcp_socket.h"
#include "udp_socket.h"
#include <errno.h>
#include <ifaddrs.h>
#include <limits.h>
#include <mirage/console.h>
#include <mirage/drivers.h>
#include <mirage/macros.h>
#include <mirage/panic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FINISH (3 * SECOND)

static struct sockets *sockets_of(const struct stackv4 *s)
{
    return containing((struct stackv4 *)(uintptr_t)s, struct sockets, stack);
}

/* Does another address of the list include address i? */
static bool is_covered(const struct sockets *s, size_t i)
{
    for (size_t k = 0; k < s->address_count; k++)
        if (k != i && ((ipv4_number(s->address[k]) == 0 &&
                        ipv4_number(s->address[i]) != 0) ||
                       (k < i && ip_equal(s->address[k], s->address[i]))))
            return true;
    return false;
}

static struct port *find_port(const struct sockets *s,
                              const struct port_protocol *protocol,
                              uint16_t number, bool is_opened)
{
    struct port *p = s->ports;

    while (p && (p->protocol != protocol || p->number != number ||
                 (p->is_opened && p->calls.udp) != is_opened))
        p = p->next;
    return p;
}

static void end_listener(struct port *p)
{
    p->failed = OK;
    p->limits = (struct tcp_limits){0};
    p->options = (struct tcp_options){0};
    port_end(p);
}

/* Ends a listener, or a port that stackv4_open_udp has opened. */
static void unlisten(struct sockets *s, const struct port_protocol *protocol,
                     uint16_t number)
{
    struct port *opened = find_port(s, protocol, number, true);
    struct port *p = find_port(s, protocol, number, false);

    if (opened && opened->udp_port.by_number)
        port_end(opened);
    else if (p)
        end_listener(p);
}

/* A port that is opened is not taken over: binding another socket fails. */
static enum status listen_on(struct sockets *s,
                             const struct port_protocol *protocol,
                             uint16_t number, struct port_calls calls)
{
    struct port *p = find_port(s, protocol, number, false);
    size_t count = 0;

    if (!p) {
        p = port_new(s, protocol, number, s->address_count);
        if (!p)
            return ERR_NO_MEMORY;
        for (size_t i = 0; i < s->address_count; i++)
            if (!is_covered(s, i))
                p->at[count++].ip = s->address[i];
        p->count = count;
    }
    p->failed = OK;
    p->is_opened = false;
    p->calls = calls;
    return port_open(p);
}

static enum status listen_tcp(struct sockets *s, uint16_t port, bool is_wanted,
                              struct port_calls calls)
{
    if (is_wanted)
        return listen_on(s, &tcp_socket_protocol, port, calls);
    unlisten(s, &tcp_socket_protocol, port);
    return OK;
}

static enum status sockets_listen_tcp(struct stackv4 *s, uint16_t port,
                                      tcp_handler *fn, void *ctx)
{
    return listen_tcp(sockets_of(s), port, fn != NULL,
                      (struct port_calls){.tcp = fn, .ctx = ctx});
}

static enum status sockets_listen_events(struct stackv4 *s, uint16_t port,
                                         tcp_accepted *accepted, void *ctx)
{
    return listen_tcp(sockets_of(s), port, accepted != NULL,
                      (struct port_calls){.accepted = accepted, .ctx = ctx});
}

/* Calling listen(2) again only changes the length of its queue. */
static enum status sockets_limit_tcp(struct stackv4 *s, uint16_t port,
                                     const struct tcp_limits *limits)
{
    struct port *p = port_find(sockets_of(s), &tcp_socket_protocol, port);

    if (!p || !port_is_wanted(p))
        return ERR_NOT_FOUND;
    p->limits = *limits;
    if (p->limits.half_open > INT_MAX)
        p->limits.half_open = INT_MAX;
    for (size_t i = 0; i < p->count; i++)
        if (p->at[i].fd >= 0)
            (void)listen(p->at[i].fd, port_backlog(p));
    wake_all(&p->returned);
    return OK;
}

static enum status sockets_set_tcp_options(struct stackv4 *s, uint16_t port,
                                           const struct tcp_options *options)
{
    struct port *p = port_find(sockets_of(s), &tcp_socket_protocol, port);

    if (!p || !port_is_wanted(p))
        return ERR_NOT_FOUND;
    p->options = *options;
    return OK;
}

static enum status sockets_listen_udp(struct stackv4 *s, uint16_t port,
                                      udp_handler *fn, void *ctx)
{
    if (fn)
        return listen_on(sockets_of(s), &udp_socket_protocol, port,
                         (struct port_calls){.udp = fn, .ctx = ctx});
    unlisten(sockets_of(s), &udp_socket_protocol, port);
    return OK;
}

static enum status sockets_udp_open(struct stackv4 *s,
                                    const struct endpoint *peer,
                                    udp_handler *fn, void *ctx,
                                    struct udp_port **port)
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
    return tcp_socket_connect(sockets_of(s), to, deadline, flow);
}

static enum status sockets_begin(struct stackv4 *s, struct endpoint to,
                                 flow_event_handler *fn, void *ctx,
                                 struct flow **flow)
{
    return tcp_socket_begin(sockets_of(s), to, fn, ctx, flow);
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

/* The host tells the netmask and its DNS servers; routes are its own affair. */
static enum status sockets_address_at(const struct stackv4 *stack, size_t i,
                                      struct stackv4_address *address)
{
    const struct sockets *s = sockets_of(stack);
    struct ip_address ip;
    struct ifaddrs *all = NULL;

    if (i > 0 && i >= s->address_count)
        return ERR_NOT_FOUND;
    ip = s->address_count > 0 ? s->address[i] : ipv4_of_number(0);
    *address = (struct stackv4_address){
        .ip = ip, .prefix = 32, .gateway = ipv4_of_number(0)};
    address->dns_count = resolv_conf_servers(
        "/etc/resolv.conf", address->dns,
        sizeof address->dns / sizeof *address->dns);
    if (ipv4_number(ip) == 0)
        address->prefix = 0;
    if (getifaddrs(&all) != 0)
        return OK;
    for (const struct ifaddrs *a = all; a; a = a->ifa_next) {
        const struct sockaddr_in *own = (const void *)a->ifa_addr;
        const struct sockaddr_in *mask = (const void *)a->ifa_netmask;

        if (own && mask && own->sin_family == AF_INET &&
            ip_equal(socket_endpoint(own).ip, ip) &&
            ipv4_prefix(socket_endpoint(mask).ip, &address->prefix) == OK)
            break;
    }
    freeifaddrs(all);
    return OK;
}

/* The host does not report changes of its addresses. */
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

/* The host sends the data that it has taken, even after our process has ended.
 */
static void sockets_finish(struct stackv4 *stack)
{
    struct sockets *s = sockets_of(stack);
    nanoseconds deadline = time_after(FINISH);

    while (s->unsent_flows > 0)
        if (wait_until(&s->all_sent, deadline) != OK)
            break;
}

static void stack_free(struct sockets *s)
{
    if (s->spill)
        page_free(s->spill, SOCKETS_SPILL / PAGE_BYTES);
    free(s->address);
    free(s);
}

/* Pages that stacks had reserved when they were disconnected. */
static size_t pages_left;

/* Polls, since ports and flows end in many ways. */
static void sockets_disconnect(struct stackv4 *stack)
{
    struct sockets *s = sockets_of(stack);
    struct port *next;

    for (struct port *p = s->ports; p; p = next) {
        next = p->next;
        require(!p->is_opened || !p->calls.udp || p->udp_port.by_number);
        end_listener(p);
    }
    event_end_all(s);
    fiber_shield();
    while (s->ports || s->flows > 0)
        require(time_sleep(MILLISECOND) == OK);
    fiber_unshield();
    event_stop(s);
    if (s->sending.fd >= 0)
        close(s->sending.fd);
    pages_left += s->pages;
    stack_free(s);
}

static const struct stackv4_ops sockets_ops = {
    .address_at = sockets_address_at,
    .on_address = sockets_on_address,
    .listen_udp = sockets_listen_udp,
    .listen_tcp = sockets_listen_tcp,
    .listen_events = sockets_listen_events,
    .limit_tcp = sockets_limit_tcp,
    .set_tcp_options = sockets_set_tcp_options,
    .udp_open = sockets_udp_open,
    .udp_write = sockets_udp_write,
    .connect = sockets_connect,
    .begin = sockets_begin,
    .run = sockets_run,
    .finish = sockets_finish,
    .disconnect = sockets_disconnect,
    .counters = sockets_counters,
};

/* Checks that text is an address of this host, or 0.0.0.0: all of them. */
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

/* Pages of the pool, which are not given back, for the stack to begin with. */
static enum status reserve(struct sockets *s)
{
    s->pages = max(pages_left, SOCKETS_PAGES);
    if (pages_left == 0 && buf_reserve(SOCKETS_PAGES) != OK)
        return ERR_NO_MEMORY;
    pages_left = 0;
    return OK;
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
    s->address = calloc(count + 1, sizeof *s->address);
    s->spill = page_alloc(SOCKETS_SPILL / PAGE_BYTES);
    if (!s->address || !s->spill || reserve(s) != OK)
        status = ERR_NO_MEMORY;
    for (; status == OK && *addresses; addresses++)
        status = check_address(*addresses, &s->address[s->address_count++]);
    if (status == OK)
        status = event_start(s);
    if (status) {
        stack_free(s);
        return status;
    }
    *stack = &s->stack;
    return OK;
}
