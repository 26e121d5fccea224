/* SPDX-License-Identifier: ISC */
/*
 * Accepted connections by peer address, for limits per peer and the choice of a
 * connection to displace (decision 0020).
 */
#include "tcp.h"
#include <stdlib.h>
#include <string.h>

/*
 * A binary heap orders peers by their number of connections; each peer's
 * connections are in a list by last_heard. An update takes logarithmic time.
 *
 * A connection counts from the end of the handshake: the source of a SYN may be
 * spoofed, and would use up the quota of another host.
 */

#define BUCKETS 64 /* at first; a power of two */

/* The connections of one address: with port 0 those to all ports, until they
 * end; or those to one port with a limit, until the application closes them,
 * which are only counted. */
struct tcp_peer {
    struct tcp_peer *next; /* in its bucket */
    uint32_t hash;
    struct ip_address ip;
    uint16_t port;
    unsigned count;
    size_t place; /* in the heap; only of port 0 */
    struct connection *idle, *busy; /* ends of the list; only port 0 */
};

static uint32_t hash_of(const struct tcpv4 *tcp, struct ip_address ip,
                        uint16_t port)
{
    struct endpoint peer = {ip, port}, none = {.port = 0};

    return (uint32_t)tcp_hash(tcp, &none, &peer, 3);
}

static struct tcp_peer *find(const struct tcpv4 *tcp, struct ip_address ip,
                             uint16_t port)
{
    const struct tcp_peers *all = &tcp->peers;
    struct tcp_peer *p;
    uint32_t hash;

    if (!all->buckets)
        return NULL;
    hash = hash_of(tcp, ip, port);
    p = all->bucket[hash & (all->buckets - 1)];
    while (p && (p->hash != hash || p->port != port || !ip_equal(p->ip, ip)))
        p = p->next;
    return p;
}

/* Doubles the table when it has as many records as buckets. Without memory it
 * stays, with longer lists. */
static enum status grow_table(struct tcp_peers *all)
{
    size_t buckets = all->buckets ? 2 * all->buckets : BUCKETS;
    struct tcp_peer **bucket;

    if (all->count < all->buckets)
        return OK;
    bucket = calloc(buckets, sizeof(struct tcp_peer *));
    if (!bucket)
        return all->buckets ? OK : ERR_NO_MEMORY;
    for (size_t i = 0; i < all->buckets; i++)
        while (all->bucket[i]) {
            struct tcp_peer *p = all->bucket[i];

            all->bucket[i] = p->next;
            p->next = bucket[p->hash & (buckets - 1)];
            bucket[p->hash & (buckets - 1)] = p;
        }
    free(all->bucket);
    all->bucket = bucket;
    all->buckets = buckets;
    return OK;
}

static enum status grow_heap(struct tcp_peers *all)
{
    size_t room = all->heap_room ? 2 * all->heap_room : BUCKETS;
    struct tcp_peer **heap;

    if (all->heap_count < all->heap_room)
        return OK;
    heap = realloc(all->heap, room * sizeof(struct tcp_peer *));
    if (!heap)
        return ERR_NO_MEMORY;
    all->heap = heap;
    all->heap_room = room;
    return OK;
}

static void put_in_heap(struct tcp_peers *all, struct tcp_peer *p, size_t at)
{
    all->heap[at] = p;
    p->place = at;
}

static void sift_up(struct tcp_peers *all, struct tcp_peer *p)
{
    size_t at = p->place;

    while (at > 0 && all->heap[(at - 1) / 2]->count < p->count) {
        put_in_heap(all, all->heap[(at - 1) / 2], at);
        at = (at - 1) / 2;
    }
    put_in_heap(all, p, at);
}

static void sift_down(struct tcp_peers *all, struct tcp_peer *p)
{
    size_t at = p->place, below;

    while ((below = 2 * at + 1) < all->heap_count) {
        if (below + 1 < all->heap_count &&
            all->heap[below + 1]->count > all->heap[below]->count)
            below++;
        if (all->heap[below]->count <= p->count)
            break;
        put_in_heap(all, all->heap[below], at);
        at = below;
    }
    put_in_heap(all, p, at);
}

/* Counts a connection, and makes the record if need be; NULL: no memory. */
static struct tcp_peer *count_up(struct tcpv4 *tcp, struct ip_address ip,
                                 uint16_t port)
{
    struct tcp_peers *all = &tcp->peers;
    struct tcp_peer *p = find(tcp, ip, port);

    if (!p) {
        if (grow_table(all) != OK || (port == 0 && grow_heap(all) != OK) ||
            !(p = calloc(1, sizeof *p)))
            return NULL;
        p->hash = hash_of(tcp, ip, port);
        p->ip = ip;
        p->port = port;
        p->next = all->bucket[p->hash & (all->buckets - 1)];
        all->bucket[p->hash & (all->buckets - 1)] = p;
        all->count++;
        if (port == 0)
            put_in_heap(all, p, all->heap_count++);
    }
    p->count++;
    if (port == 0)
        sift_up(all, p);
    return p;
}

static void forget(struct tcp_peers *all, struct tcp_peer *p)
{
    struct tcp_peer **at = &all->bucket[p->hash & (all->buckets - 1)];

    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    all->count--;
    if (p->port == 0) {
        struct tcp_peer *last = all->heap[--all->heap_count];

        if (last != p) {
            put_in_heap(all, last, p->place);
            sift_up(all, last);
            sift_down(all, last);
        }
    }
    free(p);
}

static void count_down(struct tcp_peers *all, struct tcp_peer *p)
{
    p->count--;
    if (p->port == 0)
        sift_down(all, p);
    if (p->count == 0)
        forget(all, p);
}

static void enlist(struct connection *c)
{
    struct tcp_peer *p = c->peers.by_address;

    c->peers.idler = p->busy;
    c->peers.busier = NULL;
    if (p->busy)
        p->busy->peers.busier = c;
    else
        p->idle = c;
    p->busy = c;
}

static void delist(struct connection *c)
{
    struct tcp_peer *p = c->peers.by_address;

    if (c->peers.idler)
        c->peers.idler->peers.busier = c->peers.busier;
    else
        p->idle = c->peers.busier;
    if (c->peers.busier)
        c->peers.busier->peers.idler = c->peers.idler;
    else
        p->busy = c->peers.idler;
}

bool tcp_peer_has_quota(const struct tcpv4 *tcp, const struct tcp_listener *l,
                        struct ip_address ip)
{
    const struct tcp_peer *p;

    if (!l->limits.peer)
        return true;
    p = find(tcp, ip, l->port);
    return !p || p->count < l->limits.peer;
}

enum status tcp_peer_add(struct connection *c)
{
    struct tcpv4 *tcp = c->tcp;

    c->peers.by_address = count_up(tcp, c->peer.ip, 0);
    if (!c->peers.by_address)
        return ERR_NO_MEMORY;
    if (c->listener->limits.peer &&
        !(c->peers.by_port = count_up(tcp, c->peer.ip, c->local.port))) {
        count_down(&tcp->peers, c->peers.by_address);
        c->peers.by_address = NULL;
        return ERR_NO_MEMORY;
    }
    enlist(c);
    return OK;
}

void tcp_peer_remove(struct connection *c)
{
    if (!c->peers.by_address)
        return;
    delist(c);
    count_down(&c->tcp->peers, c->peers.by_address);
    c->peers.by_address = NULL;
}

void tcp_peer_release_port(struct connection *c)
{
    if (c->peers.by_port)
        count_down(&c->tcp->peers, c->peers.by_port);
    c->peers.by_port = NULL;
}

void tcp_peer_touch(struct connection *c)
{
    if (!c->peers.busier)
        return;
    delist(c);
    enlist(c);
}

struct connection *tcp_peer_choose_victim(const struct tcpv4 *tcp,
                                          struct ip_address ip)
{
    const struct tcp_peers *all = &tcp->peers;
    const struct tcp_peer *p = find(tcp, ip, 0);

    if (all->heap_count == 0 || all->heap[0]->count <= (p ? p->count : 0))
        return NULL;
    return all->heap[0]->idle;
}

void tcp_peers_free(struct tcp_peers *all)
{
    free(all->bucket);
    free(all->heap);
}
