/* SPDX-License-Identifier: ISC */
/*
 * What connections may keep when pages are scarce (decision 0020).
 */
#ifndef NET_TCP_MEMORY_H
#define NET_TCP_MEMORY_H

#include <mirage/buf.h>
#include <mirage/time.h>
#include <stdbool.h>

#define TCP_MEMORY_INTERVAL (100 * MILLISECOND) /* of checks */

struct connection;
struct tcpv4;

/* Is less than 1/part of the pages free? */
static inline bool tcp_pages_below(size_t part)
{
    return buf_pages_free() < buf_pages() / part;
}

bool tcp_memory_is_low(void);

/* May the connection queue received data; queue more data to send? */
bool tcp_may_receive(const struct connection *c);
bool tcp_may_queue(const struct connection *c);

/* Something could not be sent or received for want of pages: checks all
 * connections until there are some again. */
void tcp_memory_low(struct tcpv4 *tcp);

#endif
