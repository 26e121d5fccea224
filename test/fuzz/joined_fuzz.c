/* SPDX-License-Identifier: ISC */
/*
 * Frames of many bufs, with checksums that a device has checked or left to the
 * receiver, and frames that a device has joined (LRO, GRO): TCP segments and
 * datagrams of any lengths, at any place of the window, cut into bufs anywhere.
 *
 * Each byte of TCP's stream is determined by its sequence number, and each of a
 * datagram by its offset, so that what the application reads is known. At the
 * end the peer sends all that is missing, and all of it must be read.
 *
 * Input: steps of struct step.
 */
#include "platform.h"
#include <mirage.h>
#include <mirage/bytes.h>
#include <mirage/checksum.h>
#include <net/tcp/tcp_segment.h>
#include <string.h>

#define PORT     80
#define IP       ETHERNET_HEADER
#define TCP      (IP + 20)
#define HEADERS  (TCP + 20)
#define PAGES    4096
#define MOST     65000 /* data bytes of a frame */
#define OURS     0x0a000002
#define THEIRS   0x0a000001
#define SEGMENT  1448
#define PATIENCE 200 /* segments without progress */
#define STEPS    40 /* of an input, at most */
#define BUFS     100 /* of a frame, about at most */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct step {
    uint8_t what; /* bits 0-2: the place; 3-5: checksum; 6: UDP; 7: PSH */
    uint8_t by; /* of the place */
    uint8_t len[2];
    uint8_t piece; /* bytes in each buf, or multiples */
    uint8_t segment; /* of joined data: multiples of 11 bytes; 0: not joined */
    uint8_t delay; /* ms */
};

static struct network net;
static struct arp *arp;
static struct ipv4 *ip;
static struct tcpv4 *tcp;

/* The peer: its initial number, the stack's ACK, window and number, and the
 * highest number that was sent. */
static uint32_t iss, acked, window, stack_seq, highest;
static bool is_synchronised, is_asked; /* by ARP, for the peer's address */
static uint16_t peer_port = 2000;

static uint32_t read_len; /* bytes of the stream */
static size_t datagrams_len, datagram_segment, datagrams; /* in this frame */
static size_t datagrams_at;

static uint8_t byte_of(uint32_t seq)
{
    return (uint8_t)(seq ^ seq >> 8 ^ seq >> 16);
}

static void on_frame(struct network *n, struct buf *frame)
{
    uint8_t p[HEADERS + 40];
    size_t len = buf_length(frame);
    struct tcp_segment s;

    (void)n;
    check(len <= NETWORK_FRAME && frame->offload.kind == OFFLOAD_NONE);
    buf_copy_out(frame, 0, p, len < sizeof p ? len : sizeof p);
    buf_free(frame);
    is_asked = is_asked || get_be16(p + 12) == 0x0806;
    if (len < HEADERS || get_be16(p + 12) != 0x0800 || p[IP + 9] != 6 ||
        get_be16(p + TCP + 2) != peer_port ||
        !tcp_parse(p + TCP, len - TCP, &s))
        return;
    check(!(s.flags & TCP_RST));
    if (s.flags & TCP_SYN)
        is_synchronised = true;
    stack_seq = s.seq + (s.flags & TCP_SYN ? 1 : 0);
    check((int32_t)(s.ack - acked) >= 0 && (int32_t)(highest - s.ack) >= 0);
    acked = s.ack;
    window = s.window;
}

static void on_tcp(void *ctx, struct flow *flow, struct endpoint peer)
{
    struct buf *b;

    (void)ctx;
    (void)peer;
    while (flow_read(flow, &b, FOREVER) == OK) {
        for (const struct buf *at = b; at; at = at->next)
            for (size_t i = 0; i < at->len; i++)
                check(at->data[i] == byte_of(iss + 1 + read_len++));
        buf_free(b);
    }
}

static void on_udp(void *ctx, struct endpoint from, struct endpoint to,
                   const struct buf *datagram)
{
    size_t left = datagrams_len - datagrams_at, len = buf_length(datagram);

    (void)ctx;
    (void)from;
    check(to.port == PORT);
    check(len == (datagram_segment < left ? datagram_segment : left));
    for (; datagram; datagram = datagram->next)
        for (size_t i = 0; i < datagram->len; i++)
            check(datagram->data[i] == byte_of((uint32_t)datagrams_at++));
    datagrams++;
}

static void make_stack(void)
{
    static const struct network_ops ops = {.write = on_frame};
    struct ethernet *ethernet = NULL;
    struct udpv4 *udp = NULL;

    net = (struct network){.ops = &ops,
                           .name = "fuzz",
                           .mac = {{2, 0, 0, 0, 0, 2}},
                           .mtu = 1500,
                           .up = true};
    check(buf_reserve(PAGES) == OK && ethernet_connect(&net, &ethernet) == OK &&
          arp_connect(ethernet, &arp) == OK && ipv4_connect(arp, &ip) == OK &&
          udpv4_connect(ip, &udp) == OK && tcpv4_connect(ip, &tcp) == OK);
    ipv4_set_address(ip, ipv4_of_number(OURS), 24, ipv4_of_number(0));
    arp_set_address(arp, ipv4_of_number(OURS), 24);
    check(udpv4_listen(udp, PORT, on_udp, udp) == OK &&
          tcpv4_listen(tcp, PORT, on_tcp, NULL) == OK);
}

/* ---- The peer's frames ---- */

static void pass(nanoseconds length)
{
    static const uint8_t reply[] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 6,
                                    0, 1, 8, 0, 6, 4, 0, 2, 2, 0, 0, 0, 0, 1,
                                    10, 0, 0, 1, 2, 0, 0, 0, 0, 2, 10, 0, 0, 2};
    struct buf *frame;

    check(time_sleep(length) == OK);
    if (!is_asked)
        return;
    is_asked = false;
    frame = buf_copy_in(reply, sizeof reply, 0);
    check(frame != NULL);
    network_deliver(&net, &frame, 1);
    check(time_sleep(MILLISECOND) == OK);
}

static uint8_t flat[HEADERS + MOST];

static uint64_t pseudo(uint8_t protocol, size_t len)
{
    return checksum_pseudo(ipv4_of_number(THEIRS), ipv4_of_number(OURS),
                           protocol, len);
}

/* Makes the headers below TCP's or UDP's, which has len bytes. */
static void make_ip(uint8_t protocol, size_t len)
{
    static const uint8_t start[] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0,
                                    0x45};

    memset(flat, 0, TCP);
    memcpy(flat, start, sizeof start);
    put_be16(flat + IP + 2, (uint16_t)(20 + len));
    flat[IP + 8] = 64;
    flat[IP + 9] = protocol;
    put_be32(flat + IP + 12, THEIRS);
    put_be32(flat + IP + 16, OURS);
    put_be16(flat + IP + 10, checksum_finish(checksum_add(0, flat + IP, 20)));
}

static struct buf *in_pieces(size_t total, size_t piece)
{
    struct buf *first = NULL, **last = &first;

    for (size_t at = 0, n; at < total; at += n) {
        n = piece < total - at ? piece : total - at;
        *last = buf_copy_in(flat + at, n, 0);
        check(*last != NULL);
        while (*last)
            last = &(*last)->next;
    }
    return first;
}

/* Sends the frame of `total` bytes, whose transport header's checksum is at
 * `field`. how: 0 it is right, 1 it was checked, 2 it is left to the receiver.
 * A device that says something of a frame has its headers in one buf. */
static void deliver(size_t total, uint8_t protocol, size_t field, unsigned how,
                    size_t piece, uint16_t segment)
{
    struct buf *frame;
    size_t headers = protocol == 6 ? HEADERS : TCP + 8;

    put_be16(flat + field, 0);
    if (how == 0)
        put_be16(flat + field,
                 checksum_finish(checksum_add(pseudo(protocol, total - TCP),
                                              flat + TCP, total - TCP)));
    else if (how == 2)
        put_be16(flat + field, checksum_fold(pseudo(protocol, total - TCP)));
    else
        put_be16(flat + field, 0x1234);
    if (how > 0 && piece < headers)
        piece = headers;
    if (piece < total / BUFS)
        piece = total / BUFS;
    frame = in_pieces(total, piece);
    frame->offload.csum_good = how > 0;
    frame->offload.segment = segment;
    if (how == 2) {
        frame->offload.kind = protocol == 6 ? OFFLOAD_TCP_IPV4
                                            : OFFLOAD_UDP_IPV4;
        frame->offload.csum_start = TCP;
    }
    network_deliver(&net, &frame, 1);
}

static void send_tcp(uint8_t flags, uint32_t seq, size_t len, unsigned how,
                     size_t piece, uint16_t segment)
{
    const struct tcp_segment s = {.from = peer_port,
                                  .to = PORT,
                                  .seq = seq,
                                  .ack = flags & TCP_ACK ? stack_seq : 0,
                                  .flags = flags,
                                  .window = 65535};
    uint32_t end = seq + (uint32_t)len + (flags & TCP_SYN ? 1 : 0);

    make_ip(6, 20 + len);
    check(tcp_emit(&s, flat + TCP) == 20);
    for (size_t i = 0; i < len; i++)
        flat[HEADERS + i] = byte_of(seq + (uint32_t)i);
    if ((int32_t)(end - highest) > 0)
        highest = end;
    deliver(HEADERS + len, 6, TCP + 16, how, piece, segment);
}

static void send_udp(size_t len, unsigned how, size_t piece, uint16_t segment)
{
    size_t wanted = segment ? (len + segment - 1) / segment : 1;

    make_ip(17, 8 + len);
    put_be16(flat + TCP, 1000);
    put_be16(flat + TCP + 2, PORT);
    put_be16(flat + TCP + 4, (uint16_t)(8 + len));
    for (size_t i = 0; i < len; i++)
        flat[TCP + 8 + i] = byte_of((uint32_t)i);
    datagrams_len = len;
    datagram_segment = segment ? segment : len;
    datagrams = datagrams_at = 0;
    deliver(TCP + 8 + len, 17, TCP + 6, how, piece, segment);
    check(datagrams_at == len && datagrams == (wanted ? wanted : 1));
}

static uint32_t place_of(const struct step *s)
{
    switch (s->what & 7) {
    case 3:
        return acked + s->by * 64u;
    case 4:
        return acked - s->by * 16u;
    case 5:
        return acked + s->by * 300u;
    case 6:
        return acked + window - s->by * 8u;
    case 7:
        return highest - s->by;
    default:
        return acked;
    }
}

static void take_step(const struct step *s)
{
    size_t len = get_be16(s->len) % (s->what & 0x80 ? MOST : 3000);
    size_t piece = s->piece < 128 ? s->piece + 1u : (s->piece - 127u) * 64;
    unsigned how = (s->what >> 3 & 7) % 3;
    uint16_t segment = (uint16_t)(s->segment * 11);
    uint32_t seq = place_of(s);

    /* Nothing is older than the stream, and it ends within reach. */
    if ((int32_t)(seq - iss) < 1)
        seq = iss + 1;
    if (segment >= len)
        segment = 0;
    if (s->what & 0x40)
        send_udp(len, how, piece, segment);
    else if (seq - acked < 70000 || (int32_t)(seq - acked) < 0)
        send_tcp(TCP_ACK | (s->what & 0x80 ? TCP_PSH : 0), seq, len, how,
                 piece, segment);
    pass(s->delay * MILLISECOND + 1);
}

static void open_connection(uint8_t where)
{
    peer_port = peer_port < 60000 ? peer_port + 1 : 2000;
    iss = where * 0x01010101u;
    acked = highest = iss;
    is_synchronised = false;
    read_len = 0;
    send_tcp(TCP_SYN, iss, 0, 0, 4096, 0);
    pass(MILLISECOND);
    check(is_synchronised && acked == iss + 1);
    send_tcp(TCP_ACK, acked, 0, 0, 4096, 0);
}

/* Sends what the stack does not have, until it has acknowledged all. */
static void complete(void)
{
    for (int i = 0; acked != highest; i++) {
        uint32_t before = acked, len = highest - acked;

        send_tcp(TCP_ACK, acked, len < SEGMENT ? len : SEGMENT, 0, 4096, 0);
        pass(10 * MILLISECOND);
        i = acked == before ? i : 0;
        check(i < PATIENCE);
    }
    pass(10 * MILLISECOND);
    check(read_len == highest - iss - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct step s;

    if (size == 0)
        return 0;
    if (!tcp)
        make_stack();
    open_connection(*data++);
    size--;
    for (int i = 0; i < STEPS && size >= sizeof s; i++) {
        memcpy(&s, data, sizeof s);
        take_step(&s);
        data += sizeof s;
        size -= sizeof s;
    }
    complete();
    tcpv4_reset(tcp, ERR_GONE);
    check(time_sleep(SECOND) == OK);
    check(buf_pages_free() == buf_pages());
    return 0;
}
