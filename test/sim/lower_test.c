/* SPDX-License-Identifier: ISC */
/*
 * The layers below TCP, between two direct stacks: echoes of every size,
 * fragments in every order, datagrams, and packets that must be ignored.
 */
#include "check.h"
#include "pair.h"
#include <net/reassembly.h>
#include <mirage/bytes.h>
#include <mirage/checksum.h>

static const struct sim_faults none;

static struct ip_address at(uint8_t number)
{
    return ipv4_address(10, 0, 0, number);
}

/* Lets all requests time out, so that all pages are free. */
static bool nothing_is_left(void)
{
    return time_sleep(40 * SECOND) == OK && buf_pages_free() == buf_pages();
}

TEST(echoes_of_every_size_are_answered)
{
    static const size_t sizes[] = {0, 1, 2, 7, 8, 1471,
                                   1472, 1473, 2952, 2953, 4096, 10000,
                                   30001, 65506, 65507};
    nanoseconds took;

    sim_seed(3);
    pair_make(1500, 0);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        CHECK(icmpv4_ping(left.icmp, at(2), sizes[i],
                          time_after(10 * SECOND), &took) == OK);
    CHECK(icmpv4_ping(left.icmp, at(2), 65508, time_after(SECOND), &took) ==
          ERR_RANGE);
    CHECK(nothing_is_left());
}

TEST(fragments_are_reassembled_in_any_order_and_repeated)
{
    struct sim_faults f = {.duplicate = 200000,
                           .reorder = 500000,
                           .delay = 3 * MILLISECOND,
                           .seed = 11};
    nanoseconds took;

    pair_faults(&f);
    for (int i = 0; i < 300; i++)
        CHECK(icmpv4_ping(left.icmp, at(2), 1000 + 211 * (size_t)i,
                          time_after(10 * SECOND), &took) == OK);
    pair_faults(&none);
    CHECK(nothing_is_left());
}

TEST(a_ping_of_a_host_that_is_absent_reports_the_reason)
{
    nanoseconds took, began = time_now();

    CHECK(icmpv4_ping(left.icmp, at(99), 8, time_after(60 * SECOND), &took) ==
          ERR_UNREACHABLE);
    CHECK(time_now() - began < 4 * SECOND); /* ARP asks three times */
    CHECK(icmpv4_ping(left.icmp, ipv4_address(192, 168, 1, 1), 8,
                      time_after(SECOND), &took) == ERR_UNREACHABLE);
    CHECK(nothing_is_left());
}

static unsigned datagrams;
static size_t last_len;
static struct endpoint last_from;

static void on_datagram(void *ctx, struct endpoint from, struct endpoint to,
                        const struct buf *datagram)
{
    (void)ctx;
    (void)to;
    datagrams++;
    last_len = buf_length(datagram);
    last_from = from;
}

TEST(datagrams_of_every_size_arrive_and_closed_ports_refuse)
{
    static uint8_t data[UDP_MOST];
    struct endpoint to = {at(2), 53};
    uint16_t port = 0, other = 0;

    CHECK(udpv4_listen(right.udp, 53, on_datagram, NULL) == OK);
    for (size_t len = 0; len <= UDP_MOST; len += 5039) {
        CHECK(udpv4_write(left.udp, 1000, to, data, len) == OK);
        CHECK(time_sleep(MILLISECOND) == OK && last_len == len);
        CHECK(last_from.port == 1000 && ip_equal(last_from.ip, at(1)));
    }
    CHECK(udpv4_write(left.udp, 0, to, data, UDP_MOST) == OK);
    CHECK(time_sleep(MILLISECOND) == OK && last_len == UDP_MOST);
    CHECK(last_from.port >= 1024); /* random */
    CHECK(udpv4_listen(right.udp, 53, NULL, NULL) == OK);
    CHECK(udpv4_open(left.udp, &to, on_datagram, NULL, &port) == OK);
    CHECK(udpv4_open(left.udp, &to, on_datagram, NULL, &other) == OK);
    CHECK(port != other);
    CHECK(udpv4_write(left.udp, port, to, "x", 1) == OK);
    CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(udpv4_write(left.udp, port, to, "x", 1) == ERR_REFUSED);
    CHECK(udpv4_write(left.udp, port, to, "x", 1) == OK);
    CHECK(nothing_is_left());
}

TEST(a_connected_port_receives_only_from_its_peer)
{
    struct endpoint peer = {at(2), 53}, to = {at(1), 0};

    CHECK(udpv4_open(left.udp, &peer, on_datagram, NULL, &to.port) == OK);
    datagrams = 0;
    CHECK(udpv4_write(right.udp, 54, to, "x", 1) == OK);
    CHECK(time_sleep(MILLISECOND) == OK && datagrams == 0);
    CHECK(udpv4_write(right.udp, 53, to, "x", 1) == OK);
    CHECK(time_sleep(MILLISECOND) == OK && datagrams == 1);
}

static size_t received; /* bytes of them, in order */

static void on_part(void *ctx, struct endpoint from, struct endpoint to,
                    const struct buf *datagram)
{
    uint8_t part[2000];
    size_t len = buf_length(datagram);

    (void)from;
    (void)to;
    datagrams++;
    CHECK(len <= sizeof part);
    buf_copy_out(datagram, 0, part, len);
    for (size_t i = 0; i < len; i++)
        CHECK(part[i] == (uint8_t)((received + i) % 251));
    received += len;
    if (ctx && datagrams == 3)
        CHECK(udpv4_listen(ctx, 55, NULL, NULL) == OK);
}

static enum status write_joined(size_t len, uint16_t segment)
{
    static uint8_t data[UDP_MOST];
    struct endpoint to = {at(2), 55};
    struct buf *b;

    for (size_t i = 0; i < len; i++)
        data[i] = (uint8_t)(i % 251);
    b = buf_copy_in(data, len, IPV4_HEADROOM + 8);
    CHECK(b != NULL);
    b->offload.segment = segment;
    datagrams = 0;
    received = 0;
    return udpv4_write_bufs(left.udp, 1000, to, b);
}

TEST(datagrams_sent_as_one_frame_arrive_one_by_one)
{
    static const unsigned features[] = {0, NETWORK_CHECKSUM,
                                        NETWORK_CHECKSUM |
                                            NETWORK_UDP_SEGMENTS};

    CHECK(udpv4_listen(right.udp, 55, on_part, NULL) == OK);
    for (size_t i = 0; i < sizeof features / sizeof *features; i++) {
        uint64_t frames = left.net->counters.frames_out;

        left.net->features = features[i];
        CHECK(write_joined(10500, 1000) == OK);
        CHECK(left.net->counters.frames_out - frames == (i < 2 ? 11 : 1));
        CHECK(time_sleep(SECOND) == OK);
        CHECK(datagrams == 11 && received == 10500);
        CHECK(write_joined(UDP_MOST, 1472) == OK);
        CHECK(time_sleep(SECOND) == OK);
        CHECK(datagrams == 45 && received == UDP_MOST);
        CHECK(write_joined(1000, 1000) == OK);
        CHECK(time_sleep(SECOND) == OK && datagrams == 1 && received == 1000);
        CHECK(write_joined(5000, 1473) == ERR_RANGE);
    }
    /* A listener that closes itself receives no more. */
    CHECK(udpv4_listen(right.udp, 55, on_part, right.udp) == OK);
    CHECK(write_joined(10500, 1000) == OK);
    CHECK(time_sleep(SECOND) == OK && datagrams == 3);
    left.net->features = 0;
    CHECK(nothing_is_left());
}

static uint64_t counted;

static void count_one(void *ctx, const char *name, uint64_t value)
{
    if (strcmp(name, ctx) == 0)
        counted = value;
}

static uint64_t count(const struct ipv4 *ip, const char *name)
{
    static char wanted[64];

    text_format(wanted, sizeof wanted, "%s", name);
    ipv4_counters(ip, count_one, wanted);
    return counted;
}

/* Sends a packet with the given header to the right host. */
static void feed(uint32_t from, uint32_t to, uint16_t id, uint16_t fragment,
                 uint8_t protocol, size_t len)
{
    struct buf *b = buf_new(0);
    uint8_t *p = buf_append(b, 20 + len);

    memset(p, 0, 20 + len);
    p[0] = 0x45;
    put_be16(p + 2, (uint16_t)(20 + len));
    put_be16(p + 4, id);
    put_be16(p + 6, fragment);
    p[8] = 64;
    p[9] = protocol;
    put_be32(p + 12, from);
    put_be32(p + 16, to);
    put_be16(p + 10, checksum_finish(checksum_add(0, p, 20)));
    ipv4_input(right.ip, false, b);
}

#define LEFT  0x0a000001
#define RIGHT 0x0a000002
#define MORE  0x2000

TEST(packets_from_martian_addresses_are_dropped)
{
    static const uint32_t martians[] = {0, 0x7f000001, 0xe0000001,
                                        0xffffffff, 0x0a0000ff, RIGHT,
                                        0xf0000001};
    uint64_t before = count(right.ip, "ipv4_martians");

    for (size_t i = 0; i < sizeof martians / sizeof *martians; i++)
        feed(martians[i], RIGHT, 1, 0, 17, 8);
    CHECK(count(right.ip, "ipv4_martians") - before == 7);
    before = count(right.ip, "ipv4_not_ours");
    feed(LEFT, 0x0a000003, 1, 0, 17, 8);
    feed(LEFT, 0xe0000002, 1, 0, 17, 8);
    CHECK(count(right.ip, "ipv4_not_ours") - before == 2);
    CHECK(nothing_is_left());
}

TEST(overlapping_fragments_drop_their_datagram)
{
    uint64_t before = count(right.ip, "ipv4_fragments_overlapped");

    feed(LEFT, RIGHT, 77, MORE, 17, 16);
    feed(LEFT, RIGHT, 77, MORE | 1, 17, 16);
    CHECK(count(right.ip, "ipv4_fragments_overlapped") - before == 1);
    feed(LEFT, RIGHT, 78, MORE | 2, 17, 16);
    feed(LEFT, RIGHT, 78, MORE | 1, 17, 16);
    CHECK(count(right.ip, "ipv4_fragments_overlapped") - before == 2);
    /* A last fragment before a received one, and a second last fragment. */
    feed(LEFT, RIGHT, 79, MORE | 8, 17, 16);
    feed(LEFT, RIGHT, 79, 4, 17, 16);
    feed(LEFT, RIGHT, 80, 4, 17, 16);
    feed(LEFT, RIGHT, 80, 8, 17, 16);
    CHECK(count(right.ip, "ipv4_fragments_overlapped") - before == 4);
    /* A duplicate is no overlap. */
    feed(LEFT, RIGHT, 81, MORE, 17, 16);
    feed(LEFT, RIGHT, 81, MORE, 17, 16);
    CHECK(count(right.ip, "ipv4_fragments_overlapped") - before == 4);
    CHECK(nothing_is_left());
}

TEST(incomplete_datagrams_are_limited_and_time_out)
{
    uint64_t over = count(right.ip, "ipv4_fragments_overflowed");
    uint64_t expired = count(right.ip, "ipv4_fragments_expired");
    size_t before = buf_pages_free();

    for (uint16_t id = 0; id < 1000; id++)
        feed(LEFT, RIGHT, id, MORE | 1, 17, 8);
    CHECK(before - buf_pages_free() <= REASSEMBLY_OF_ONE);
    CHECK(count(right.ip, "ipv4_fragments_overflowed") - over ==
          1000 - REASSEMBLY_OF_ONE);
    for (uint32_t host = 10; host < 250; host++)
        for (uint16_t id = 0; id < 10; id++)
            feed(0x0a000000 + host, RIGHT, id, MORE | 1, 17, 8);
    CHECK(before - buf_pages_free() <= REASSEMBLY_DATAGRAMS);
    for (uint32_t host = 10; host < 250; host++)
        for (uint16_t n = 0; n < 200; n += 2)
            feed(0x0a000000 + host, RIGHT, 1, (uint16_t)(MORE | n), 17, 8);
    CHECK(before - buf_pages_free() <= REASSEMBLY_PIECES);
    CHECK(nothing_is_left());
    CHECK(count(right.ip, "ipv4_fragments_expired") > expired);
}

TEST(icmp_errors_are_rate_limited_and_echoes_are_not)
{
    uint64_t before = count(right.ip, "ipv4_out"), complaints;
    nanoseconds took;

    for (int i = 0; i < 1000; i++)
        feed(LEFT, RIGHT, 1, 0, 99, 8); /* an unknown protocol */
    complaints = count(right.ip, "ipv4_out") - before;
    CHECK(complaints >= 5 && complaints <= 11);
    for (int i = 0; i < 300; i++)
        CHECK(icmpv4_ping(left.icmp, at(2), 8, time_after(SECOND), &took) ==
              OK);
    CHECK(nothing_is_left());
}

TEST(only_hosts_that_asked_or_were_asked_are_cached)
{
    struct network_counters before;
    struct endpoint to = {at(2), 53};

    /* Both hosts are cached: no request is sent. */
    CHECK(udpv4_write(left.udp, 7, to, "x", 1) == OK);
    CHECK(time_sleep(SECOND) == OK);
    before = left.net->counters;
    CHECK(udpv4_write(left.udp, 7, to, "x", 1) == OK);
    CHECK(left.net->counters.frames_out - before.frames_out == 1);
    /* Packets to a silent host are queued, a few of them, and dropped. */
    to.ip = at(77);
    for (int i = 0; i < 100; i++)
        CHECK(udpv4_write(left.udp, 7, to, "x", 1) == OK);
    CHECK(buf_pages() - buf_pages_free() <= 10); /* two of them on the wire */
    CHECK(nothing_is_left());
}

TEST(a_probe_detects_an_address_in_use)
{
    CHECK(arp_probe(left.arp, at(2), FOREVER) == ERR_IN_USE);
    CHECK(arp_probe(left.arp, at(3), FOREVER) == OK);
}

/* Sends an ARP reply with any sender from the left device. */
static void send_reply(struct mac frame_from, struct mac sender,
                       struct ip_address ip)
{
    struct buf *b = buf_new(0);
    uint8_t *p = buf_append(b, ETHERNET_HEADER + 28);

    memset(p, 0, ETHERNET_HEADER + 28);
    memset(p, 0xff, 6);
    memcpy(p + 6, frame_from.byte, 6);
    put_be16(p + 12, ETHERTYPE_ARP);
    memcpy(p + 14, "\0\1\x08\0\6\4\0\2", 8);
    memcpy(p + 22, sender.byte, 6);
    put_be32(p + 28, ipv4_number(ip));
    memset(p + 32, 0xff, 6);
    put_be32(p + 38, ipv4_number(ip));
    network_write(left.net, b);
}

static bool reaches(struct host *from, uint8_t number, nanoseconds patience)
{
    nanoseconds took;

    return icmpv4_ping(from->icmp, at(number), 8, time_after(patience),
                       &took) == OK;
}

/* Failover and migration: the former host of the address is silent. */
TEST(a_host_with_another_ethernet_address_is_reached_within_a_second)
{
    struct mac before = right.net->mac;

    CHECK(reaches(&left, 2, SECOND));
    right.net->mac = (struct mac){{0, 0, 0x5e, 0, 1, 7}};
    arp_set_address(right.arp, at(2), 24);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(reaches(&left, 2, 100 * MILLISECOND));
    right.net->mac = before;
    arp_set_address(right.arp, at(2), 24);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(reaches(&left, 2, 100 * MILLISECOND));
    CHECK(nothing_is_left());
}

TEST(a_host_that_answers_is_reached_despite_forged_claims)
{
    static const struct mac liar = {{2, 0, 0, 0, 0, 66}};

    CHECK(reaches(&right, 1, SECOND));
    for (int i = 0; i < 1000; i++) {
        send_reply(liar, liar, at(1));
        CHECK(time_sleep(7 * MILLISECOND) == OK);
        if (i % 10 == 0)
            CHECK(reaches(&right, 1, 20 * MILLISECOND));
    }
    CHECK(time_sleep(2 * SECOND) == OK);
    CHECK(reaches(&right, 1, 20 * MILLISECOND));
    CHECK(nothing_is_left());
}

/* RFC 9568, 8.1.2: replies of a virtual router are in frames of the current
 * master. */
TEST(a_virtual_router_is_reached_by_its_virtual_address)
{
    static const struct mac virtual_mac = {{0, 0, 0x5e, 0, 1, 9}};
    struct endpoint to = {ipv4_address(192, 0, 2, 1), 9};
    struct mac own = left.net->mac;
    uint64_t before;

    ipv4_set_address(right.ip, at(2), 24, at(254)); /* its gateway */
    CHECK(udpv4_write(right.udp, 7, to, "x", 1) == OK);
    CHECK(time_sleep(10 * MILLISECOND) == OK);
    send_reply(own, virtual_mac, at(254));
    CHECK(time_sleep(10 * MILLISECOND) == OK);
    /* The master receives frames to the virtual address. */
    left.net->mac = virtual_mac;
    before = count(left.ip, "ipv4_not_ours");
    CHECK(udpv4_write(right.udp, 7, to, "x", 1) == OK);
    CHECK(time_sleep(10 * MILLISECOND) == OK);
    CHECK(count(left.ip, "ipv4_not_ours") - before == 1);
    left.net->mac = own;
    ipv4_set_address(right.ip, at(2), 24, ipv4_of_number(0));
    CHECK(nothing_is_left());
}
