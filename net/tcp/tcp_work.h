/* SPDX-License-Identifier: ISC */
/*
 * The connections for which the work fiber of tcp.c has something to do.
 */
#ifndef NET_TCP_WORK_H
#define NET_TCP_WORK_H

struct connection;

/* Has the work fiber send what is due, after all segments that were received
 * with this one are processed. Does nothing for a connection in CLOSED, unless
 * it has events to report. */
void tcp_schedule(struct connection *c);

/* Takes the connection out of the list, if it is there. */
void tcp_unschedule(struct connection *c);

#endif
