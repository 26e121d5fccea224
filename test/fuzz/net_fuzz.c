/* SPDX-License-Identifier: ISC */
/*
 * Fuzzes a stack, with listeners on every layer, by received frames. The first
 * byte of the input says whether checksums are corrected, so that more is
 * reached than their check, whether the stack has lost its address, and how
 * long the bufs of a frame are. Time passes between frames; at the end no page
 * may be missing.
 *
 * The input is a list of frames, each after two bytes: its length, and the
 * tens of milliseconds before it.
 */
#include <mirage.h>
#include <mirage/bytes.h>
#include <mirage/checksum.h>
#include <mirage/platform.h>
#include <string.h>

#include "platform.h"
#include <net/dhcp_message.h>
#include <net/tcp/tcp_segment.h>

#define PORT   80
#define CLIENT 68 /* port of a DHCP client */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct network net;
static struct arp *arp;
static struct ipv4 *ip;
static struct tcpv4 *tcp;
static bool has_address;

static void forget(struct network *n, struct buf *frame)
{
    (void)n;
    check(buf_length(frame) <= NETWORK_FRAME);
    buf_free(frame);
}

static void on_udp(void *ctx, struct endpoint from, struct endpoint to,
                   const struct buf *datagram)
{
    struct udpv4 *udp = ctx;
    uint8_t byte = 0;

    check(buf_length(datagram) <= UDP_MOST);
    check(has_address || to.port == CLIENT);
    if (buf_length(datagram) > 0)
        buf_copy_out(datagram, 0, &byte, 1);
    if (udpv4_write(udp, to.port, from, &byte, 1) != OK)
        return;
}

static void on_tcp(void *ctx, struct flow *flow, struct endpoint peer)
{
    struct buf *b;

    (void)ctx;
    (void)peer;
    check(has_address);
    while (flow_read(flow, &b, FOREVER) == OK)
        if (flow_write_bufs(flow, b, time_after(SECOND)) != OK)
            return;
}

static void make_stack(void)
{
    static const struct network_ops ops = {.write = forget};
    struct ethernet *ethernet = NULL;
    struct icmpv4 *icmp = NULL;
    struct udpv4 *udp = NULL;

    net = (struct network){.ops = &ops,
                           .name = "fuzz",
                           .mac = {{2, 0, 0, 0, 0, 2}},
                           .mtu = 1500,
                           .up = true};
    check(buf_reserve(2048) == OK && ethernet_connect(&net, &ethernet) == OK &&
          arp_connect(ethernet, &arp) == OK && ipv4_connect(arp, &ip) == OK &&
          icmpv4_connect(ip, &icmp) == OK && udpv4_connect(ip, &udp) == OK &&
          tcpv4_connect(ip, &tcp) == OK);
    check(udpv4_listen(udp, PORT, on_udp, udp) == OK &&
          udpv4_listen(udp, CLIENT, on_udp, udp) == OK &&
          tcpv4_listen(tcp, PORT, on_tcp, NULL) == OK);
}

static void set_address(bool has)
{
    struct ip_address none = ipv4_of_number(0);

    has_address = has;
    ipv4_set_address(ip, has ? ipv4_address(10, 0, 0, 2) : none, 24,
                     has ? ipv4_address(10, 0, 0, 1) : none);
    arp_set_address(arp, has ? ipv4_address(10, 0, 0, 2) : none, 24);
}

/* Corrects the checksums of an IPv4 packet, and its destination. */
static void mend(uint8_t *p, size_t len)
{
    size_t header, at = 0;
    uint64_t sum;

    if (len < 14 + 20 || p[12] != 8 || p[13] != 0)
        return;
    p += 14;
    len -= 14;
    header = 4 * (size_t)(p[0] & 15);
    p[0] = (uint8_t)(0x40 | (header < 20 ? 5 : p[0] & 15));
    header = header < 20 ? 20 : header;
    if (len < header)
        return;
    put_be16(p + 2, (uint16_t)len);
    put_be32(p + 16, 0x0a000002);
    if (p[12] == 0 || p[12] >= 224)
        put_be32(p + 12, 0x0a000001);
    if (p[9] == 1 && len >= header + 8)
        at = 2;
    else if (p[9] == 6 && len >= header + 20)
        at = 16;
    else if (p[9] == 17 && len >= header + 8)
        at = 6;
    if (at > 0) {
        put_be16(p + header + at, 0);
        sum = p[9] == 1
                  ? 0
                  : checksum_pseudo(ipv4_of_number(get_be32(p + 12)),
                                    ipv4_of_number(get_be32(p + 16)), p[9],
                                    len - header);
        put_be16(p + header + at,
                 checksum_finish(checksum_add(sum, p + header,
                                              len - header)));
    }
    put_be16(p + 10, 0);
    put_be16(p + 10, checksum_finish(checksum_add(0, p, header)));
}

static void parse_alone(const uint8_t *data, size_t size)
{
    struct tcp_segment s, again;
    struct dhcp_reply r;
    uint8_t p[TCP_MOST], q[TCP_MOST];

    if (tcp_parse(data, size, &s)) {
        s.header = tcp_emit(&s, p);
        check(s.header <= TCP_MOST && tcp_parse(p, s.header, &again));
        check(tcp_emit(&again, q) == s.header && memcmp(p, q, s.header) == 0);
    }
    if (dhcp_parse(data, size, &r))
        check(r.prefix <= 32 && r.dns_count <= DHCP_SERVERS &&
              r.ntp_count <= DHCP_SERVERS && (r.mtu == 0 || r.mtu >= 68));
}

/* The frame in bufs of at most `piece` bytes. */
static struct buf *in_pieces(const uint8_t *frame, size_t len, size_t piece)
{
    struct buf *first = NULL, **last = &first;

    for (size_t at = 0, n; at < len; at += n, last = &(*last)->next) {
        n = piece < len - at ? piece : len - at;
        *last = buf_copy_in(frame + at, n, 0);
        check(*last != NULL);
    }
    return first;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t pieces[] = {255, 1, 7, 8, 14, 15, 20, 33,
                                     34, 40, 42, 54, 64, 100, 128, 200};
    uint8_t bytes[255];
    bool mended;

    if (!tcp)
        make_stack();
    parse_alone(data, size);
    if (size == 0)
        return 0;
    mended = data[0] & 1;
    set_address(!(data[0] & 2));
    for (size_t at = 1; at + 2 <= size;) {
        size_t len = data[at];
        struct buf *frame;

        check(time_sleep((data[at + 1] * 10 + 1) * MILLISECOND) == OK);
        at += 2;
        if (len > size - at)
            len = size - at;
        if (len == 0)
            continue;
        memcpy(bytes, data + at, len);
        if (mended)
            mend(bytes, len);
        frame = in_pieces(bytes, len, pieces[data[0] >> 4]);
        network_deliver(&net, &frame, 1);
        at += len;
    }
    check(time_sleep(SECOND) == OK);
    tcpv4_reset(tcp, ERR_GONE);
    check(time_sleep(60 * SECOND) == OK);
    check(buf_pages_free() == buf_pages());
    return 0;
}
