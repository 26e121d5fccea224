/* SPDX-License-Identifier: ISC */
/*
 * TCP by the host's sockets: connections that are accepted or opened.
 */
#ifndef UNIX_TCP_SOCKET_H
#define UNIX_TCP_SOCKET_H

#include "port_socket.h"
#include <mirage/flow.h>

extern const struct port_protocol tcp_socket_protocol;

/* Opens a connection, as stackv4_connect. */
enum status tcp_socket_connect(struct sockets *s, struct endpoint to,
                               nanoseconds deadline, struct flow **flow);

/* Begins to open one, as stackv4_begin. */
enum status tcp_socket_begin(struct sockets *s, struct endpoint to,
                             flow_event_handler *fn, void *ctx,
                             struct flow **flow);

#endif
