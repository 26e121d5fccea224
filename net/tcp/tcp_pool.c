/* SPDX-License-Identifier: ISC */
/*
 * The memory of connections, allocated as needed and reused, and the hash table
 * that finds them by their endpoints.
 *
 * A connection never moves in memory. The table doubles when it has more
 * connections than buckets; if there is no memory for that, it keeps its size,
 * and the lists of its buckets grow longer.
 */
#include "tcp.h"
#include <mirage/boot.h>
#include <stdlib.h>
#include <string.h>

#define PIECE   32 /* connections allocated together */
#define BUCKETS 256 /* of a new table; a power of two */

BOOT_NUMBER(tcp_connections, 16384, 16, 16777216,
            "TCP connections at once, those that wait to be forgotten too");

uint64_t tcp_hash(const struct tcpv4 *tcp, const struct endpoint *local,
                  const struct endpoint *peer, uint64_t salt)
{
    uint8_t key[20];

    memcpy(key, local->ip.byte + 12, 4);
    memcpy(key + 4, peer->ip.byte + 12, 4);
    memcpy(key + 8, &local->port, 2);
    memcpy(key + 10, &peer->port, 2);
    memcpy(key + 12, &salt, 8);
    /* Without a salt fewer bytes are hashed: this is done for each segment. */
    return siphash(&tcp->secret, key, salt ? 20 : 12);
}

enum status tcp_pool_init(struct tcp_pool *p)
{
    size_t limit = (size_t)tcp_connections;

    p->limit = limit;
    p->buckets = BUCKETS;
    p->bucket = calloc(p->buckets, sizeof(struct connection *));
    p->piece = calloc((limit + TCP_SPARE + PIECE - 1) / PIECE,
                      sizeof *p->piece);
    if (p->bucket && p->piece)
        return OK;
    tcp_pool_free(p);
    return ERR_NO_MEMORY;
}

void tcp_pool_free(struct tcp_pool *p)
{
    for (size_t i = 0; p->piece && i * PIECE < p->used; i++)
        free(p->piece[i]);
    free(p->bucket);
    free(p->piece);
}

struct connection *tcp_pool_at(const struct tcp_pool *p, size_t i)
{
    return &p->piece[i / PIECE][i % PIECE];
}

struct connection *tcp_pool_alloc(struct tcp_pool *p)
{
    struct connection *c = p->free;

    if (p->in_use >= p->limit + p->spare)
        return NULL;
    if (c) {
        p->free = c->next;
        p->in_use++;
        return c;
    }
    if (p->used % PIECE == 0) {
        p->piece[p->used / PIECE] = calloc(PIECE, sizeof *c);
        if (!p->piece[p->used / PIECE])
            return NULL;
    }
    p->in_use++;
    return tcp_pool_at(p, p->used++);
}

void tcp_pool_release(struct tcp_pool *p, struct connection *c)
{
    c->next = p->free;
    p->free = c;
    p->in_use--;
}

/* Doubles the number of buckets, if there is memory. */
static void grow(struct tcp_pool *p)
{
    size_t count = 2 * p->buckets;
    struct connection **bucket = calloc(count, sizeof(struct connection *));

    if (!bucket)
        return;
    for (size_t i = 0; i < p->buckets; i++)
        while (p->bucket[i]) {
            struct connection *c = p->bucket[i];

            p->bucket[i] = c->next;
            c->next = bucket[c->hash & (count - 1)];
            bucket[c->hash & (count - 1)] = c;
        }
    free(p->bucket);
    p->bucket = bucket;
    p->buckets = count;
}

void tcp_pool_link(struct connection *c)
{
    struct tcp_pool *p = &c->tcp->pool;
    struct connection **at;

    if (++p->linked > p->buckets)
        grow(p);
    c->hash = (uint32_t)tcp_hash(c->tcp, &c->local, &c->peer, 0);
    at = &p->bucket[c->hash & (p->buckets - 1)];
    c->next = *at;
    *at = c;
}

void tcp_pool_unlink(struct connection *c)
{
    struct tcp_pool *p = &c->tcp->pool;
    struct connection **at = &p->bucket[c->hash & (p->buckets - 1)];

    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    p->linked--;
}

struct connection *tcp_find(struct tcpv4 *tcp, struct endpoint local,
                            struct endpoint peer)
{
    uint32_t hash = (uint32_t)tcp_hash(tcp, &local, &peer, 0);
    struct connection *c = tcp->pool.bucket[hash & (tcp->pool.buckets - 1)];

    while (c && (c->hash != hash || c->peer.port != peer.port ||
                 c->local.port != local.port ||
                 !ip_equal(c->peer.ip, peer.ip) ||
                 !ip_equal(c->local.ip, local.ip)))
        c = c->next;
    return c;
}
