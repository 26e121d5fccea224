/* SPDX-License-Identifier: ISC */
/*
 * The end of a connection, and TIME-WAIT.
 */
#ifndef NET_TCP_END_H
#define NET_TCP_END_H

#include <mirage/status.h>

struct connection;
struct tcpv4;

/* Enters CLOSED for this reason (OK: in good order). Frees the connection
 * unless an application holds it. */
void tcp_end(struct connection *c, enum status why);

/* Ends the connection at once, with a reset to the peer; received data that the
 * application has not read are dropped. */
void tcp_abort(struct connection *c, enum status why);

/* Frees a connection in CLOSED that no application holds. */
void tcp_free(struct connection *c);

/* Enters TIME-WAIT, and starts the 2 MSL timer. */
void tcp_enter_time_wait(struct connection *c);

/* The connection that has been in TIME-WAIT for longest, unless an application
 * holds it; NULL: none. */
struct connection *tcp_oldest_in_time_wait(const struct tcpv4 *tcp);

#endif
