/* SPDX-License-Identifier: ISC */
/* Allocation and lookup of connections. Includes the .c, to set the limit. */
#include "check.h"
#include "tcp_pool.c"

#define MANY 5000

static struct tcpv4 tcp;

static struct endpoint peer(unsigned i)
{
    return (struct endpoint){ipv4_of_number(0x0a000000 + i / 1000),
                             (uint16_t)(1 + i % 1000)};
}

static struct endpoint local(void)
{
    return (struct endpoint){ipv4_of_number(0x0a0a0a0a), 80};
}

static void begin(int64_t limit)
{
    memset(&tcp, 0, sizeof tcp);
    tcp_connections = limit;
    CHECK(tcp_pool_init(&tcp.pool) == OK);
}

static struct connection *add(unsigned i)
{
    struct connection *c = tcp_pool_alloc(&tcp.pool);

    CHECK(c != NULL);
    if (c) {
        c->tcp = &tcp;
        c->local = local();
        c->peer = peer(i);
        tcp_pool_link(c);
    }
    return c;
}

static void drop(struct connection *c)
{
    tcp_pool_unlink(c);
    tcp_pool_release(&tcp.pool, c);
}

TEST(every_connection_is_found_while_the_table_grows)
{
    static struct connection *c[MANY];

    begin(MANY);
    for (unsigned i = 0; i < MANY; i++)
        c[i] = add(i);
    CHECK(tcp.pool.buckets >= MANY / 2 && tcp.pool.used == MANY);
    for (unsigned i = 0; i < MANY; i += 2)
        drop(c[i]);
    for (unsigned i = 0; i < MANY; i++)
        CHECK(tcp_find(&tcp, local(), peer(i)) == (i % 2 ? c[i] : NULL));
    CHECK(!tcp_find(&tcp, peer(1), local()));
    for (unsigned i = 1; i < MANY; i += 2)
        drop(c[i]);
    CHECK(tcp.pool.linked == 0);
    tcp_pool_free(&tcp.pool);
}

TEST(memory_is_allocated_as_needed_and_reused)
{
    struct connection *first, *second;

    begin(1 << 20);
    CHECK(tcp.pool.used == 0);
    first = add(1);
    CHECK(tcp.pool.used == 1 && tcp_pool_at(&tcp.pool, 0) == first);
    drop(first);
    second = add(2);
    CHECK(second == first && tcp.pool.used == 1);
    drop(second);
    tcp_pool_free(&tcp.pool);
}

TEST(allocation_fails_at_the_limit_until_one_is_released)
{
    struct connection *c[40];

    begin(40);
    for (unsigned i = 0; i < 40; i++)
        c[i] = add(i);
    CHECK(tcp_pool_alloc(&tcp.pool) == NULL);
    drop(c[7]);
    CHECK(add(100) == c[7]);
    CHECK(tcp_pool_alloc(&tcp.pool) == NULL);
    CHECK(tcp_find(&tcp, local(), peer(100)) == c[7]);
    tcp_pool_free(&tcp.pool);
}
