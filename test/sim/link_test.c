/* SPDX-License-Identifier: ISC */
/*
 * Two hosts of ours joined by functions and not by Ethernet, made by what
 * mirage.h declares alone (ipv4_connect_to), and freed again.
 */
#include "check.h"
#include <mirage.h>

#define QUEUE 64
#define SOON  time_after(60 * SECOND)

/* A host, and the packets that are on their way to it. */
struct end {
    struct ipv4 *ip;
    struct icmpv4 *icmp;
    struct udpv4 *udp;
    struct tcpv4 *tcp;
    struct mailbox box;
    void *slots[QUEUE];
    struct fiber *fiber;
    bool is_deaf; /* drops fragments but the first */
};

static struct end a, b;

static void deliver(void *ctx)
{
    struct end *e = ctx;
    void *packet;

    while (mailbox_receive(&e->box, &packet, FOREVER) == OK)
        ipv4_input(e->ip, false, packet);
}

/* Takes a packet to the other end. */
static void carry(void *ctx, struct ip_address next, bool to_many,
                  struct buf *packet)
{
    struct end *to = ctx;
    uint8_t offset[2];

    CHECK(!to_many && ipv4_number(next) >> 8 == 0x0a0000);
    packet->offload.csum_good = true;
    buf_copy_out(packet, 6, offset, 2);
    if ((to->is_deaf && ((offset[0] & 0x1f) || offset[1])) ||
        mailbox_send(&to->box, packet, 0) != OK)
        buf_free(packet);
}

static void connect(struct end *e, struct end *other, uint8_t number)
{
    mailbox_init(&e->box, e->slots, QUEUE);
    CHECK(ipv4_connect_to(carry, other, 600, 0, &e->ip) == OK);
    ipv4_set_address(e->ip, ipv4_address(10, 0, 0, number), 24,
                     ipv4_of_number(0));
    CHECK(icmpv4_connect(e->ip, &e->icmp) == OK);
    CHECK(udpv4_connect(e->ip, &e->udp) == OK);
    CHECK(tcpv4_connect(e->ip, &e->tcp) == OK);
    CHECK(fiber_spawn(NULL, deliver, e, &e->fiber) == OK);
}

static void disconnect(struct end *e)
{
    tcpv4_disconnect(e->tcp);
    udpv4_disconnect(e->udp);
    icmpv4_disconnect(e->icmp);
    ipv4_disconnect(e->ip);
    mailbox_close(&e->box);
    CHECK(fiber_join(e->fiber, SOON) == OK);
}

static void echo(void *ctx, struct flow *f, struct endpoint peer)
{
    struct buf *data;

    (void)ctx, (void)peer;
    while (flow_read(f, &data, FOREVER) == OK)
        if (flow_write_bufs(f, data, FOREVER) != OK)
            return;
}

TEST(two_hosts_without_ethernet_exchange_packets_and_streams)
{
    static uint8_t data[50000];
    struct endpoint to = {ipv4_address(10, 0, 0, 2), 7};
    struct flow *f = NULL;
    struct buf *piece;
    nanoseconds took;
    size_t got = 0;

    CHECK(buf_reserve(1024) == OK);
    connect(&a, &b, 1);
    connect(&b, &a, 2);
    CHECK(icmpv4_ping(a.icmp, to.ip, 3000, SOON, &took) == OK);
    CHECK(tcpv4_listen(b.tcp, 7, echo, NULL) == OK);
    CHECK(tcpv4_open(a.tcp, to, SOON, &f) == OK);
    CHECK(flow_write(f, data, sizeof data, SOON) == OK);
    flow_shutdown(f, FLOW_WRITING);
    while (flow_read(f, &piece, SOON) == OK) {
        got += piece->len;
        buf_free(piece);
    }
    CHECK(got == sizeof data);
    flow_close(f);
}

TEST(timers_of_a_host_without_ethernet_expire)
{
    static uint8_t data[2000];
    struct endpoint to = {ipv4_address(10, 0, 0, 2), 9};

    b.is_deaf = true;
    CHECK(udpv4_write(a.udp, 9, to, data, sizeof data) == OK);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(buf_pages_free() < buf_pages()); /* the first fragment waits */
    CHECK(time_sleep(60 * SECOND) == OK);
    CHECK(buf_pages_free() == buf_pages());
}

TEST(disconnecting_frees_what_waits_and_ends_connections)
{
    static uint8_t data[2000];
    struct endpoint to = {ipv4_address(10, 0, 0, 2), 7}, none = {to.ip, 9};
    struct udp_port *port;
    struct flow *f = NULL;
    struct buf *piece;

    CHECK(udpv4_write(a.udp, 9, none, data, sizeof data) == OK);
    b.is_deaf = false;
    CHECK(tcpv4_open(a.tcp, to, SOON, &f) == OK);
    CHECK(flow_write(f, "x", 1, SOON) == OK);
    CHECK(flow_read(f, &piece, SOON) == OK);
    buf_free(piece);
    CHECK(udpv4_open_port(a.udp, NULL, NULL, NULL, &port) == OK);
    udp_port_close(port);
    disconnect(&b);
    flow_close(f);
    disconnect(&a);
    CHECK(buf_pages_free() == buf_pages());
}
