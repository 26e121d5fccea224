/* SPDX-License-Identifier: ISC */
/*
 * A flow that is one of the host's TCP connections.
 */
#ifndef UNIX_FLOW_SOCKET_H
#define UNIX_FLOW_SOCKET_H

#include "event_socket.h"

/* A flow on a socket, which it takes, connected or about to be. Yours:
 * flow_close. NULL: no memory, and fd is closed. */
struct socket_flow *flow_socket_new(struct sockets *s, int fd,
                                    struct endpoint peer);

#endif
