/* SPDX-License-Identifier: ISC */
/*
 * What the files of stackv4_socket share: stackv4_socket.c, the stack and its
 * listeners; udp_socket.c, datagrams; flow_socket.c, connections.
 */
#ifndef UNIX_STACKV4_SOCKET_H
#define UNIX_STACKV4_SOCKET_H

#include <mirage/fiber.h>
#include <mirage/log.h>
#include <mirage/stackv4.h>
#include <netinet/in.h>
#include <stdbool.h>

extern struct log_source stackv4_socket;

struct arrival;
struct sockets;
struct port;

/* One socket that a port listens with, and the fiber that serves it. */
struct listener {
    struct port *port;
    struct ip_address ip; /* that it is bound to */
    int fd; /* -1: none */
    struct fiber *fiber; /* NULL: it has not run yet */
    struct endpoint peer; /* UDP: who sent last, */
    struct ip_address local; /* and to which of our addresses */
    struct endpoint gone; /* UDP: who is said not to be there; port 0:
                                nobody */
};

/* A port of TCP or UDP, and what is run for it. */
struct port {
    struct port *next;
    struct sockets *stack;
    uint16_t number;
    bool is_udp;
    bool is_opened; /* by open_udp */
    enum status failed; /* why it could not be had; OK: it could */
    tcp_handler *tcp; /* both NULL: it is ending */
    udp_handler *udp;
    void *ctx;

    struct tcp_limits limits;
    struct tcp_options options;
    unsigned handlers; /* that run */
    struct arrival *running; /* the connections that they have */
    struct waiters returned; /* woken when one has */

    size_t count;
    struct listener at[];
};

struct socket_counters {
    uint64_t accepted, opened, refused, dropped, over_peer_limit;
    uint64_t datagrams_in, datagrams_out, datagrams_dropped;
    uint64_t bytes_in, bytes_out; /* of streams */
};

struct sockets {
    struct stackv4 stack; /* first */
    struct ip_address *address;
    size_t address_count;
    struct port *ports;
    struct waiters failed; /* woken when a port cannot be had */
    struct listener sending; /* datagrams from no port of ours */
    uint8_t *spill; /* of a datagram, behind its page */
    size_t flows, pages; /* now; reserved */
    bool was_short_of_files;
    struct socket_counters counters;
};

#define SOCKETS_SPILL ((size_t)65536)

#define SOCKETS_PAGES ((size_t)1024) /* that are reserved at once, */
#define PAGES_OF_FLOW 4 /* and at least for each flow */

/* A socket that never blocks; -1 and errno. */
int socket_new(int type);

struct sockaddr_in socket_address(struct endpoint e);
struct endpoint socket_endpoint(const struct sockaddr_in *a);

/* A port with a listener for each of count addresses, none of them open, in
 * the stack's list. NULL: no memory. */
struct port *port_new(struct sockets *s, bool is_udp, uint16_t number,
                      size_t count);
struct port *port_find(struct sockets *s, bool is_udp, uint16_t number);

/*
 * Is the end of a fiber that has served l, or was to: closes it, and the port
 * with the last of them; but if the port is wanted again, goes on in a new
 * fiber (this one may have been cancelled).
 */
void listener_end(struct listener *l);

/* Asks the fibers of a port to end, which then close it. */
void port_end(struct port *p);

/* udp_socket.c: makes fd one for datagrams; serves it; the stack's calls. */
void udp_socket_prepare(int fd);
void udp_socket_serve(void *listener);
enum status udp_socket_open(struct sockets *s, const struct endpoint *peer,
                            udp_handler *fn, void *ctx, uint16_t *port);
enum status udp_socket_write(struct sockets *s, uint16_t from,
                             struct endpoint to, const void *data, size_t len);

/* flow_socket.c: a flow on a connected socket, which it takes. Yours:
 * flow_close. NULL: no memory, and fd is closed. */
struct flow *flow_socket_new(struct sockets *s, int fd, struct endpoint peer);

/* Opens a connection, as stackv4_connect. */
enum status flow_socket_connect(struct sockets *s, struct endpoint to,
                                nanoseconds deadline, struct flow **flow);

#endif
