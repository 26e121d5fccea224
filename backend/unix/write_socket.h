/* SPDX-License-Identifier: ISC */
/*
 * Writing to a flow on a socket.
 */
#ifndef UNIX_WRITE_SOCKET_H
#define UNIX_WRITE_SOCKET_H

#include "event_socket.h"

/* The flow's operations. */
enum status socket_write(struct flow *flow, const struct span *spans,
                         size_t count, nanoseconds deadline);
enum status socket_write_bufs(struct flow *flow, struct buf *data,
                              nanoseconds deadline);

/* Reads and drops some of the data that was received. */
void socket_discard(struct socket_flow *f);

#endif
