/* SPDX-License-Identifier: ISC */
/*
 * The flow that an application holds.
 */
#ifndef NET_TCP_FLOW_H
#define NET_TCP_FLOW_H

#include <mirage/flow.h>

struct connection;

/* Ends the connection at once, with a reset to the peer; what the application
 * has not read is dropped. */
void tcp_abort(struct connection *c, enum status why);

extern const struct flow_ops tcp_flow_ops;

#endif
