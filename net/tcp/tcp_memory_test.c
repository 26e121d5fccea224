/* SPDX-License-Identifier: ISC */
/* Which connections may have pages, by how many are free. */
#include "check.h"
#include "tcp.h"
#include "tcp_memory.h"

#define MSS 1000

static struct tcpv4 tcp;
static struct connection c;
static struct buf *taken;

/* Leaves that many pages free. */
static void leave(size_t count)
{
    if (buf_pages() == 0)
        CHECK(buf_reserve(TEST_PAGES) == OK);
    buf_free(taken);
    taken = NULL;
    while (buf_pages_free() > count) {
        struct buf *b = buf_new(0);

        b->next = taken;
        taken = b;
    }
    memset(&tcp, 0, sizeof tcp);
    memset(&c, 0, sizeof c);
    c.tcp = &tcp;
    c.our_mss = MSS;
}

static void end(void)
{
    buf_free(taken);
    taken = NULL;
    CHECK(buf_pages_free() == buf_pages());
}

/* May a connection with len bytes in its queue have more? */
static bool may_receive(uint32_t len)
{
    c.rcvq.len = len / 2;
    c.ooo.len = len - len / 2;
    return tcp_may_receive(&c);
}

static bool may_queue(uint32_t len)
{
    c.sndq.len = len;
    return tcp_may_queue(&c);
}

TEST(with_an_eighth_of_the_pages_free_all_connections_may_have_more)
{
    leave(TEST_PAGES / 8);
    CHECK(may_receive(1 << 20) && may_queue(1 << 20) && !tcp.refused);
    CHECK(!tcp_memory_is_low());
    end();
}

TEST(below_an_eighth_each_may_have_two_segments)
{
    leave(TEST_PAGES / 8 - 1);
    CHECK(tcp_memory_is_low());
    CHECK(may_receive(0) && may_receive(2 * MSS - 1) && !may_receive(2 * MSS));
    CHECK(may_queue(0) && !may_queue(1));
    leave(TEST_PAGES / 16);
    CHECK(may_receive(2 * MSS - 1) && !tcp.refused);
    end();
}

TEST(below_a_sixteenth_only_those_that_hold_no_pages_may_have_some)
{
    leave(TEST_PAGES / 16 - 1);
    CHECK(may_receive(0) && !may_receive(1) && may_queue(0) && !may_queue(1));
    leave(TEST_PAGES / 64);
    CHECK(may_receive(0) && !may_receive(1) && may_queue(0) && !may_queue(1));
    CHECK(!tcp.refused);
    end();
}

TEST(below_a_sixty_fourth_none_may_and_those_without_pages_are_noted)
{
    leave(TEST_PAGES / 64 - 1);
    CHECK(!may_receive(1) && !may_queue(1) && !tcp.refused);
    CHECK(!may_receive(0) && tcp.refused);
    tcp.refused = false;
    CHECK(!may_queue(0) && tcp.refused);
    CHECK(!may_queue(1) && tcp.refused); /* the note is kept */
    c.shut_reading = true; /* what is received is dropped */
    CHECK(may_receive(0) && may_receive(1 << 20));
    end();
}
