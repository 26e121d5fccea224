/* SPDX-License-Identifier: ISC */
/*
 * Ports of a stack on the host's sockets, and the sockets that they listen on.
 *
 * A port has a socket for each address that the stack listens on, and each
 * socket a fiber. Only that fiber closes the socket, since it may be waiting
 * for it. A port is ended by taking its handler and cancelling its fibers. A
 * port that could not be opened stays in the list with the reason, for
 * stackv4_run, until it is opened after all or ended.
 */
#ifndef UNIX_PORT_SOCKET_H
#define UNIX_PORT_SOCKET_H

#include "host_socket.h"
#include <mirage/fiber.h>
#include <mirage/log.h>
#include <mirage/stackv4.h>
#include <stdbool.h>

extern struct log_source stackv4_socket; /* of all files of the stack */

struct arrival;
struct sockets;

/* What differs between TCP and UDP. */
struct port_protocol {
    const char *name; /* in messages, and the first letter as an option of ss */
    int type; /* of its sockets */
    void (*prepare)(int fd); /* sets the options of a socket */
    fiber_fn *serve; /* a listener, in its fiber; ends by listener_end */
};

/* One socket that a port listens with, and the fiber that serves it. */
struct listener {
    struct port *port;
    struct ip_address ip; /* that it is bound to */
    int fd; /* -1: none */
    struct fiber *fiber; /* NULL: it has not run yet */
    struct endpoint peer; /* UDP: the sender of the last datagram, */
    struct ip_address local; /* and which of our addresses it was sent to */
    struct endpoint refused_by; /* UDP: a peer whose host sent "port
                                   unreachable"; port 0: none has */
};

/* What is called for a port: one of the three. */
struct port_calls {
    tcp_handler *tcp; /* in a fiber each */
    tcp_accepted *accepted;
    udp_handler *udp;
    void *ctx;
};

/* A port of TCP or UDP. */
struct port {
    struct udp_port udp_port; /* if is_opened */
    struct port *next;
    struct sockets *stack;
    const struct port_protocol *protocol;
    uint16_t number;
    bool is_opened; /* by udp_open */
    enum status failed; /* why it could not be opened; OK: it could */
    struct port_calls calls; /* all NULL: it is ending */

    struct tcp_limits limits;
    struct tcp_options options;
    unsigned handlers; /* that run */
    struct arrival *running; /* their connections, and those of accepted */
    struct waiters returned; /* woken when one has */

    size_t count;
    struct listener at[];
};

/* A port with count listeners, none of them open, in the stack's list. NULL: no
 * memory. */
struct port *port_new(struct sockets *s, const struct port_protocol *protocol,
                      uint16_t number, size_t count);

/* NULL: there is none. */
struct port *port_find(const struct sockets *s,
                       const struct port_protocol *protocol, uint16_t number);

bool port_is_wanted(const struct port *p);

/* Opens those of its listeners that are not open. On an error none is, and the
 * port has failed; the reason is logged. */
enum status port_open(struct port *p);

/* The length of the queue of connections that the host has accepted. */
int port_backlog(const struct port *p);

/* Asks the fibers of a port to end, which then close it. */
void port_end(struct port *p);

/* Frees a port that is ended, unless it has failed, or has handlers. */
void port_free_if_over(struct port *p);

/*
 * Is the end of a fiber that has served l, or was to: closes it, and the port
 * with the last of them; but if the port is wanted again, goes on in a new
 * fiber (this one may have been cancelled).
 */
void listener_end(struct listener *l);

#endif
