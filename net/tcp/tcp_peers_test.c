/* SPDX-License-Identifier: ISC */
/* tcp_peers against a model that scans all connections each time. */
#include "check.h"
#include "tcp_peers.c"
#include <mirage/random.h>

#define CONNECTIONS 600
#define PEERS       40

static struct tcpv4 tcp;
static struct tcp_listener listener = {.port = 80};
static struct connection connection[CONNECTIONS];
static unsigned last_heard[CONNECTIONS], now; /* 0: not counted */

static struct ip_address address(unsigned i)
{
    return ipv4_of_number(0x0a000001 + i);
}

static void add(unsigned i, unsigned peer)
{
    struct connection *c = &connection[i];

    *c = (struct connection){.tcp = &tcp, .listener = &listener};
    c->peer = (struct endpoint){address(peer), (uint16_t)(1000 + i)};
    c->local.port = 80;
    CHECK(tcp_peer_add(c) == OK);
    last_heard[i] = ++now;
}

static void drop(unsigned i)
{
    tcp_peer_release_port(&connection[i]);
    tcp_peer_remove(&connection[i]);
    last_heard[i] = 0;
}

static unsigned count_of(struct ip_address ip)
{
    unsigned n = 0;

    for (unsigned i = 0; i < CONNECTIONS; i++)
        n += last_heard[i] && ip_equal(connection[i].peer.ip, ip);
    return n;
}

/* Is c the one that has been idle for longest of a peer that has most? */
static bool is_right(const struct connection *c, struct ip_address asking)
{
    unsigned most = 0, at;

    for (unsigned i = 0; i < PEERS; i++)
        if (count_of(address(i)) > most)
            most = count_of(address(i));
    if (!c)
        return most <= count_of(asking);
    at = (unsigned)(c - connection);
    if (count_of(c->peer.ip) != most || most <= count_of(asking))
        return false;
    for (unsigned i = 0; i < CONNECTIONS; i++)
        if (last_heard[i] && last_heard[i] < last_heard[at] &&
            ip_equal(connection[i].peer.ip, c->peer.ip))
            return false;
    return true;
}

/* Is the heap in order? */
static bool is_heap(void)
{
    const struct tcp_peers *all = &tcp.peers;

    for (size_t i = 1; i < all->heap_count; i++)
        if (all->heap[i]->count > all->heap[(i - 1) / 2]->count ||
            all->heap[i]->place != i)
            return false;
    return true;
}

static void begin(unsigned limit)
{
    for (unsigned i = 0; i < CONNECTIONS; i++)
        if (last_heard[i])
            drop(i);
    CHECK(tcp.peers.count == 0 && tcp.peers.heap_count == 0);
    listener.limits.peer = limit;
}

TEST(a_peer_with_fewer_displaces_the_idlest_of_the_peer_with_most)
{
    begin(0);
    for (unsigned i = 0; i < 5; i++)
        add(i, i < 3 ? 1 : 2);
    CHECK(tcp_peer_choose_victim(&tcp, address(3)) == &connection[0]);
    tcp_peer_touch(&connection[0]);
    CHECK(tcp_peer_choose_victim(&tcp, address(3)) == &connection[1]);
    CHECK(tcp_peer_choose_victim(&tcp, address(2)) == &connection[1]);
    CHECK(tcp_peer_choose_victim(&tcp, address(1)) == NULL);
    drop(1);
    CHECK(tcp_peer_choose_victim(&tcp, address(2)) == NULL);
    CHECK(tcp_peer_choose_victim(&tcp, address(3)) != NULL);
}

TEST(without_peers_no_connection_is_displaced)
{
    begin(0);
    CHECK(tcp_peer_choose_victim(&tcp, address(1)) == NULL);
}

TEST(random_changes_choose_the_victim_of_the_model)
{
    begin(0);
    for (unsigned step = 0; step < 20000; step++) {
        unsigned i = (unsigned)random_below(CONNECTIONS);

        if (!last_heard[i]) {
            add(i, (unsigned)random_below(1 + random_below(PEERS)));
        } else if (random_below(3) == 0) {
            drop(i);
        } else {
            tcp_peer_touch(&connection[i]);
            last_heard[i] = ++now;
        }
        CHECK(is_heap());
        if (step % 20 == 0) {
            struct ip_address asking = address(
                (unsigned)random_below(PEERS + 1));

            CHECK(is_right(tcp_peer_choose_victim(&tcp, asking), asking));
        }
    }
}

/* The last peer of the heap replaces one that is removed in another subtree. */
TEST(removing_a_peer_keeps_the_order_of_the_others)
{
    static const unsigned counts[] = {5, 1, 4, 1, 1, 3};
    unsigned i = 0, first_of_3 = 0;

    begin(0);
    for (unsigned peer = 0; peer < sizeof counts / sizeof *counts; peer++) {
        if (peer == 3)
            first_of_3 = i;
        for (unsigned k = 0; k < counts[peer]; k++)
            add(i++, peer);
    }
    CHECK(is_heap());
    drop(first_of_3);
    CHECK(is_heap());
}

TEST(a_limit_by_peer_is_per_port_and_released_with_the_flow)
{
    struct tcp_listener other = {.port = 81, .limits.peer = 2};

    begin(2);
    add(0, 1);
    CHECK(tcp_peer_has_quota(&tcp, &listener, address(1)));
    add(1, 1);
    CHECK(!tcp_peer_has_quota(&tcp, &listener, address(1)));
    CHECK(tcp_peer_has_quota(&tcp, &listener, address(2)));
    CHECK(tcp_peer_has_quota(&tcp, &other, address(1)));
    tcp_peer_release_port(&connection[1]);
    CHECK(tcp_peer_has_quota(&tcp, &listener, address(1)));
    CHECK(count_of(address(1)) == 2 && tcp.peers.heap[0]->count == 2);
    begin(0);
    tcp_peers_free(&tcp.peers);
    memset(&tcp.peers, 0, sizeof tcp.peers);
}
