/* SPDX-License-Identifier: ISC */
/*
 * The memory of connections, and the hash table that finds them.
 */
#ifndef NET_TCP_POOL_H
#define NET_TCP_POOL_H

#include <mirage/tcpv4.h>

struct connection;
struct tcpv4;

/* Private to tcp_pool.c, except for used, limit, in_use and spare. */
struct tcp_pool {
    struct connection **piece; /* arrays of connections */
    size_t used; /* connections that were ever allocated */
    size_t in_use;
    size_t limit; /* the most in use, besides spare ones */
    size_t spare; /* displaced connections that an application still holds, at
                     most TCP_SPARE */
    struct connection *free; /* list of those that are not in use */
    struct connection **bucket;
    size_t buckets, linked; /* their number; connections in the table */
};

MUST_CHECK enum status tcp_pool_init(struct tcp_pool *p); /* ERR_NO_MEMORY */
void tcp_pool_free(struct tcp_pool *p);

/* A connection with undefined contents; NULL: the limit is reached, or there is
 * no memory. */
struct connection *tcp_pool_alloc(struct tcp_pool *p);
void tcp_pool_release(struct tcp_pool *p, struct connection *c);

/* The i-th connection that was ever allocated, i < p->used, in any state. */
struct connection *tcp_pool_at(const struct tcp_pool *p, size_t i);

/* Adds to, and removes from, the hash table. */
void tcp_pool_link(struct connection *c);
void tcp_pool_unlink(struct connection *c);
struct connection *tcp_find(struct tcpv4 *tcp, struct endpoint local,
                            struct endpoint peer);

/* A keyed hash of two endpoints and a salt. */
uint64_t tcp_hash(const struct tcpv4 *tcp, const struct endpoint *local,
                  const struct endpoint *peer, uint64_t salt);

#endif
