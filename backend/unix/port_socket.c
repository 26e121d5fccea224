/* SPDX-License-Identifier: ISC */
/*
 * Ports and their listeners: how they are opened, and how they end.
 */
#include "port_socket.h"
#include "command.h"
#include "stackv4_socket.h"
#include <errno.h>
#include <limits.h>
#include <mirage/platform.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG    INT_MAX /* the host cuts it to what it allows */
#define PRIVILEGED 1024 /* ports below that take a right */

LOG_SOURCE_SHARED(stackv4_socket);

struct port *port_find(const struct sockets *s,
                       const struct port_protocol *protocol, uint16_t number)
{
    for (struct port *p = s->ports; p; p = p->next)
        if (p->protocol == protocol && p->number == number)
            return p;
    return NULL;
}

struct port *port_new(struct sockets *s, const struct port_protocol *protocol,
                      uint16_t number, size_t count)
{
    struct port *p = calloc(1, sizeof *p + count * sizeof p->at[0]);

    if (!p)
        return NULL;
    p->next = s->ports;
    s->ports = p;
    p->stack = s;
    p->protocol = protocol;
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

bool port_is_wanted(const struct port *p)
{
    return p->calls.tcp || p->calls.accepted || p->calls.udp;
}

void port_free_if_over(struct port *p)
{
    struct port **at = &p->stack->ports;

    if (is_open(p) || port_is_wanted(p) || p->failed || p->handlers > 0)
        return;
    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    free(p);
}

void port_end(struct port *p)
{
    p->calls = (struct port_calls){0};
    for (size_t i = 0; i < p->count; i++)
        if (p->at[i].fd >= 0 && p->at[i].fiber)
            fiber_cancel(p->at[i].fiber);
    port_free_if_over(p);
}

/* Closes all sockets of a port, since one could not be opened. */
static void port_fail(struct port *p, enum status why)
{
    p->failed = why;
    port_end(p);
    wake_all(&p->stack->failed);
}

void listener_end(struct listener *l)
{
    struct port *p = l->port;

    l->fiber = NULL;
    if (port_is_wanted(p) &&
        fiber_start_as("listener", p->protocol->serve, l) == OK)
        return;
    close(l->fd);
    l->fd = -1;
    if (port_is_wanted(p))
        port_fail(p, ERR_NO_MEMORY);
    port_free_if_over(p);
}

/* Logs why a listener cannot be opened, and what helps. */
static enum status cannot_listen(const struct port *p,
                                 const struct listener *l, int error)
{
    const char *protocol = p->protocol->name;
    struct ip_text ip = ip_text(l->ip);
    char *command;

    switch (error) {
    case EADDRINUSE:
        log_error(&stackv4_socket,
                  "%s %s:%u: the port is in use; take another one, or stop "
                  "who has it: `ss -%clnp 'sport = :%u'` shows who",
                  protocol, ip.s, p->number, *protocol, p->number);
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

int port_backlog(const struct port *p)
{
    return p->limits.half_open ? (int)p->limits.half_open : BACKLOG;
}

static enum status listener_open(struct listener *l)
{
    struct port *p = l->port;
    struct sockaddr_in a = socket_address((struct endpoint){l->ip, p->number});
    int error;

    l->fd = socket_new(p->protocol->type);
    if (l->fd < 0)
        return cannot_listen(p, l, errno);
    p->protocol->prepare(l->fd);
    error = bind(l->fd, (struct sockaddr *)&a, sizeof a) == 0 &&
                    (p->protocol->type != SOCK_STREAM ||
                     listen(l->fd, port_backlog(p)) == 0)
                ? 0
                : errno;
    if (!error && fiber_start_as("listener", p->protocol->serve, l) == OK)
        return OK;
    close(l->fd);
    l->fd = -1;
    return cannot_listen(p, l, error ? error : ENOMEM);
}

enum status port_open(struct port *p)
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
