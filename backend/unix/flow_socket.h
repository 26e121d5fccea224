/* SPDX-License-Identifier: ISC */
/*
 * A flow that is one of the host's TCP connections.
 */
#ifndef UNIX_FLOW_SOCKET_H
#define UNIX_FLOW_SOCKET_H

#include <mirage/flow.h>

struct sockets;

/* A flow on a connected socket, which it takes. Yours: flow_close. NULL: no
 * memory, and fd is closed. */
struct flow *flow_socket_new(struct sockets *s, int fd, struct endpoint peer);

#endif
