/* SPDX-License-Identifier: ISC */
#include "check.h"
#include "ipv4_wheel.h"
#include <mirage/bytes.h>
#include <mirage/checksum.h>
#include <mirage/network.h>
#include <mirage/udpv4.h>

#define US     0x0a000002
#define THEM   0x0a000001
#define HEADER 8

static struct wheel wheel;
static struct ipv4 *ip;
static struct udpv4 *udp;
static struct buf *out; /* the last packet that was sent */
static unsigned sent, refused, heard;
static size_t heard_len;
static uint8_t last_byte;

static void keep(void *ctx, struct ip_address next, bool to_many,
                 struct buf *packet)
{
    (void)ctx;
    (void)next;
    (void)to_many;
    buf_free(out);
    out = packet;
    sent++;
}

static void on_refusal(void *ctx, const struct ipv4_packet *packet,
                       const struct buf *payload, uint8_t type, uint8_t code)
{
    (void)ctx;
    CHECK(type == 3 && code == 3 && packet->protocol == PROTOCOL_UDP);
    CHECK(buf_length(payload) >= HEADER); /* what is quoted is all there */
    refused++;
}

static void hear(void *ctx, struct endpoint from, struct endpoint to,
                 const struct buf *datagram)
{
    (void)ctx;
    CHECK(ipv4_number(from.ip) == THEM && ipv4_number(to.ip) == US);
    heard++;
    heard_len = buf_length(datagram);
    if (heard_len > 0)
        buf_copy_out(datagram, heard_len - 1, &last_byte, 1);
}

static void begin_with(unsigned features)
{
    static bool started;

    if (buf_pages() == 0)
        CHECK(buf_reserve(TEST_PAGES) == OK);
    if (!started)
        wheel_init(&wheel, time_now());
    started = true;
    CHECK(ipv4_connect_with_wheel(keep, NULL, &wheel, 1500, features, &ip) ==
          OK);
    ipv4_set_address(ip, ipv4_of_number(US), 24, ipv4_of_number(THEM));
    CHECK(udpv4_connect(ip, &udp) == OK);
    ipv4_on_refusal(ip, on_refusal, NULL);
    sent = refused = heard = 0;
    heard_len = 0;
}

static void begin(void)
{
    begin_with(NETWORK_CHECKSUM);
}

static void end(void)
{
    buf_free(out);
    out = NULL;
    CHECK(buf_pages_free() == buf_pages());
}

static struct endpoint them(uint16_t port)
{
    return (struct endpoint){ipv4_of_number(THEM), port};
}

/* A datagram of len bytes, whose header says said of them, in bufs of piece
 * bytes; bad is added to its checksum, unless it is to have none. */
static void come(uint16_t from, uint16_t to, size_t len, size_t said,
                 size_t piece, bool has_sum, uint16_t bad)
{
    uint8_t p[20 + HEADER + 1000] = {0x45};
    size_t total = 20 + HEADER + len;
    struct buf *first = NULL, **last = &first;

    put_be16(p + 2, (uint16_t)total);
    p[8] = 64;
    p[9] = PROTOCOL_UDP;
    put_be32(p + 12, THEM);
    put_be32(p + 16, US);
    put_be16(p + 10, checksum_finish(checksum_add(0, p, 20)));
    put_be16(p + 20, from);
    put_be16(p + 22, to);
    put_be16(p + 24, (uint16_t)said);
    for (size_t i = 0; i < len; i++)
        p[28 + i] = (uint8_t)i;
    if (has_sum) {
        size_t covered = said <= HEADER + len ? said : HEADER + len;

        put_be16(p + 26, (uint16_t)(bad + checksum_finish(checksum_add(
                                              checksum_pseudo(
                                                  ipv4_of_number(THEM),
                                                  ipv4_of_number(US),
                                                  PROTOCOL_UDP, covered),
                                              p + 20, covered))));
    }
    for (size_t at = 0; at < total; at += piece) {
        size_t n = total - at < piece ? total - at : piece;

        *last = buf_copy_in(p + at, n, 0);
        CHECK(*last != NULL);
        last = &(*last)->next;
    }
    ipv4_input(ip, false, first);
}

static uint64_t counted;

static void count_one(void *ctx, const char *name, uint64_t value)
{
    if (strcmp(name, ctx) == 0)
        counted = value;
}

static uint64_t count(const char *name)
{
    char wanted[40];

    snprintf(wanted, sizeof wanted, "%s", name);
    counted = UINT64_MAX;
    udpv4_counters(udp, count_one, wanted);
    return counted;
}

TEST(a_datagram_in_any_fragments_reaches_its_listener)
{
    begin();
    CHECK(udpv4_listen(udp, 53, hear, NULL) == OK);
    for (size_t piece = 20; piece < 60; piece++) {
        come(1000, 53, 30, HEADER + 30, piece, true, 0);
        CHECK(heard == piece - 19 && heard_len == 30 && last_byte == 29);
    }
    come(1000, 53, 0, HEADER, 100, true, 0);
    CHECK(heard == 41 && heard_len == 0);
    CHECK(count("udp_in") == 41 && count("udp_malformed") == 0);
    end();
}

TEST(bytes_beyond_the_stated_length_are_cut_off)
{
    begin();
    CHECK(udpv4_listen(udp, 53, hear, NULL) == OK);
    come(1000, 53, 30, HEADER + 10, 25, true, 0);
    CHECK(heard == 1 && heard_len == 10 && last_byte == 9);
    end();
}

TEST(wrong_lengths_and_checksums_are_dropped)
{
    static const size_t said[] = {0, 1, 7, HEADER + 31, 65535};

    begin();
    CHECK(udpv4_listen(udp, 53, hear, NULL) == OK);
    for (size_t i = 0; i < sizeof said / sizeof *said; i++)
        come(1000, 53, 30, said[i], 100, true, 0);
    come(1000, 53, 30, HEADER + 30, 100, true, 1);
    CHECK(heard == 0 && refused == 0 && count("udp_malformed") == 6);
    come(1000, 53, 30, HEADER + 30, 100, false, 0); /* has none */
    CHECK(heard == 1);
    end();
}

TEST(wrong_lengths_are_dropped_without_a_checksum)
{
    begin();
    CHECK(udpv4_listen(udp, 53, hear, NULL) == OK);
    for (size_t said = 0; said < HEADER; said++)
        come(1000, 53, 30, said, 100, false, 0);
    for (size_t said = HEADER + 31; said < 65536; said += 1021)
        come(1000, 53, 30, said, 100, false, 0);
    CHECK(heard == 0 && refused == 0);
    CHECK(count("udp_malformed") == HEADER + 65);
    come(1000, 53, 30, HEADER, 100, false, 0);
    CHECK(heard == 1 && heard_len == 0);
    end();
}

static size_t lengths[8];

static void hear_joined(void *ctx, struct endpoint from, struct endpoint to,
                        const struct buf *datagram)
{
    hear(ctx, from, to, datagram);
    if (heard <= 8)
        lengths[heard - 1] = buf_length(datagram);
}

TEST(each_of_joined_datagrams_is_delivered)
{
    uint8_t p[20 + HEADER + 250] = {0x45};
    struct buf *b;

    begin();
    CHECK(udpv4_listen(udp, 53, hear_joined, NULL) == OK);
    put_be16(p + 2, sizeof p);
    p[8] = 64;
    p[9] = PROTOCOL_UDP;
    put_be32(p + 12, THEM);
    put_be32(p + 16, US);
    put_be16(p + 10, checksum_finish(checksum_add(0, p, 20)));
    put_be16(p + 20, 1000);
    put_be16(p + 22, 53);
    put_be16(p + 24, HEADER + 250);
    for (size_t i = 0; i < 250; i++)
        p[28 + i] = (uint8_t)i;
    b = buf_copy_in(p, sizeof p, 0);
    b->offload.csum_good = true;
    b->offload.segment = 100;
    ipv4_input(ip, false, b);
    CHECK(heard == 3 && lengths[0] == 100 && lengths[1] == 100 &&
          lengths[2] == 50 && last_byte == 249);
    CHECK(count("udp_in") == 3);
    end();
}

/* RFC 768: the source port is optional. */
TEST(a_datagram_from_port_0_is_received_and_none_can_be_sent_there)
{
    begin();
    CHECK(udpv4_listen(udp, 53, hear, NULL) == OK);
    come(0, 53, 30, HEADER + 30, 100, true, 0);
    CHECK(heard == 1 && heard_len == 30 && count("udp_malformed") == 0);
    come(0, 54, 30, HEADER + 30, 100, true, 0);
    come(1000, 0, 30, HEADER + 30, 100, true, 0);
    CHECK(heard == 1 && refused == 2);
    CHECK(udpv4_write(udp, 53, them(0), "x", 1) == ERR_UNREACHABLE);
    CHECK(sent == 0);
    end();
}

/* As two fragments, the second of which has the last bytes. */
static void come_long(size_t len)
{
    size_t total = HEADER + len, first = total / 2 & ~(size_t)7;

    for (size_t at = 0; at < total; at = at == 0 ? first : total) {
        uint8_t p[20] = {0x45};
        size_t n = at == 0 ? first : total - first;
        struct buf *b;

        put_be16(p + 2, (uint16_t)(20 + n));
        put_be16(p + 6, (uint16_t)(at / 8 | (at == 0 ? 0x2000 : 0)));
        p[8] = 64;
        p[9] = PROTOCOL_UDP;
        put_be32(p + 12, THEM);
        put_be32(p + 16, US);
        put_be16(p + 10, checksum_finish(checksum_add(0, p, 20)));
        b = buf_copy_in(p, 20, 0);
        for (struct buf *last = b; last && n > 0; last = last->next) {
            size_t part = n < PAGE_BYTES ? n : PAGE_BYTES;

            last->next = buf_new(0);
            CHECK(last->next != NULL);
            memset(buf_append(last->next, part), 0, part);
            n -= part;
        }
        if (at == 0) {
            put_be16(b->next->data, 1000);
            put_be16(b->next->data + 2, 53);
            put_be16(b->next->data + 4, (uint16_t)total);
        }
        ipv4_input(ip, false, b);
    }
}

TEST(no_datagram_is_longer_than_UDP_MOST)
{
    begin();
    CHECK(udpv4_listen(udp, 53, hear, NULL) == OK);
    come_long(UDP_MOST);
    CHECK(heard == 1 && heard_len == UDP_MOST);
    for (size_t len = UDP_MOST + 1; len <= 65527; len++)
        come_long(len);
    CHECK(heard == 1);
    ipv4_on_refusal(ip, NULL, NULL); /* half a datagram waits, and expires */
    wheel_turn(&wheel, time_now() + 60 * SECOND);
    end();
}

/* Is it answered like a port without a listener? Else a scan would find the
 * port of a question that is under way (CVE-2020-25705). */
TEST(a_connected_port_answers_strangers_as_a_closed_port)
{
    struct endpoint peer = them(1000);
    uint16_t port = 0;

    begin();
    come(1000, 53, 30, HEADER + 30, 100, true, 0);
    CHECK(refused == 1 && count("udp_no_port") == 1);
    CHECK(udpv4_open(udp, &peer, hear, NULL, &port) == OK && port >= 1024);
    come(1001, port, 30, HEADER + 30, 100, true, 0);
    CHECK(heard == 0 && refused == 2 && count("udp_no_port") == 2);
    come(1000, port, 30, HEADER + 30, 100, true, 0);
    CHECK(heard == 1 && refused == 2);
    end();
}

static unsigned others;

static void hear_other(void *ctx, struct endpoint from, struct endpoint to,
                       const struct buf *datagram)
{
    (void)from;
    (void)to;
    (void)datagram;
    CHECK(ctx == &others);
    others++;
}

TEST(a_later_listener_replaces_the_earlier_and_null_ends_it)
{
    begin();
    CHECK(udpv4_listen(udp, 53, hear, NULL) == OK);
    CHECK(udpv4_listen(udp, 53 + 64, hear, NULL) == OK);
    CHECK(udpv4_listen(udp, 53, hear_other, &others) == OK);
    come(1000, 53, 1, HEADER + 1, 100, true, 0);
    come(1000, 53 + 64, 1, HEADER + 1, 100, true, 0);
    CHECK(others == 1 && heard == 1);
    CHECK(udpv4_listen(udp, 53, NULL, NULL) == OK);
    CHECK(udpv4_listen(udp, 53, NULL, NULL) == OK);
    come(1000, 53, 1, HEADER + 1, 100, true, 0);
    CHECK(others == 1 && refused == 1);
    end();
}

TEST(listening_on_an_opened_port_fails)
{
    struct endpoint peer = them(1000);
    uint16_t connected = 0, open = 0;

    begin();
    CHECK(udpv4_open(udp, &peer, hear, NULL, &connected) == OK);
    CHECK(udpv4_open(udp, NULL, hear, NULL, &open) == OK);
    CHECK(udpv4_listen(udp, connected, hear_other, &others) == ERR_IN_USE);
    CHECK(udpv4_listen(udp, open, hear_other, &others) == ERR_IN_USE);
    others = 0;
    come(1000, connected, 1, HEADER + 1, 100, true, 0);
    come(1000, open, 1, HEADER + 1, 100, true, 0);
    CHECK(heard == 2 && others == 0);
    /* Once it is closed, the port is as good as any. */
    CHECK(udpv4_listen(udp, connected, NULL, NULL) == OK);
    CHECK(udpv4_listen(udp, connected, hear_other, &others) == OK);
    come(1000, connected, 1, HEADER + 1, 100, true, 0);
    CHECK(others == 1);
    end();
}

/* RFC 6056, 3.2: from 1024 to 65535, and none that is listened to. */
TEST(chosen_ports_cover_the_range_and_have_no_listener)
{
    unsigned low = 0, high = 0;

    begin();
    for (uint32_t port = 1024; port < 65536; port += 16)
        CHECK(udpv4_listen(udp, (uint16_t)port, hear, NULL) == OK ||
              port > 1024 + 16 * 4000);
    CHECK(udpv4_listen(udp, 60000, NULL, NULL) == OK);
    for (int i = 0; i < 2000; i++) {
        uint16_t port = 0;
        uint8_t p[2];

        CHECK(udpv4_write(udp, 0, them(9), "x", 1) == OK);
        buf_copy_out(out, 20, p, 2);
        port = get_be16(p);
        CHECK(port >= 1024);
        CHECK(port == 60000 || port % 16 != 0);
        low += port < 2048;
        high += port >= 49152;
    }
    CHECK(low > 5 && low < 100 && high > 350 && high < 700);
    end();
}

TEST(the_number_of_listeners_is_bounded_and_chosen_ports_differ)
{
    static uint16_t ports[5000];
    unsigned count = 0, same = 0;

    begin();
    while (count < 5000 &&
           udpv4_open(udp, NULL, hear, NULL, &ports[count]) == OK)
        count++;
    CHECK(count >= 1000 && count < 5000);
    for (unsigned i = 0; i + 1 < count; i++)
        same += ports[i + 1] == ports[i] + 1;
    CHECK(same < 20);
    CHECK(udpv4_listen(udp, 53, hear, NULL) == ERR_NO_MEMORY);
    CHECK(udpv4_listen(udp, ports[7], NULL, NULL) == OK);
    CHECK(udpv4_listen(udp, 53, hear, NULL) == OK);
    end();
}

TEST(a_sent_datagram_has_ports_length_and_the_sum_of_the_pseudo_header)
{
    uint8_t p[20 + HEADER + 5];
    uint16_t sum;

    begin();
    CHECK(udpv4_write(udp, 53, them(1000), "hello", 5) == OK);
    CHECK(sent == 1 && buf_length(out) == sizeof p);
    buf_copy_out(out, 0, p, sizeof p);
    CHECK(get_be16(p + 20) == 53 && get_be16(p + 22) == 1000);
    CHECK(get_be16(p + 24) == 13 && memcmp(p + 28, "hello", 5) == 0);
    sum = checksum_fold(checksum_pseudo(ipv4_of_number(US),
                                        ipv4_of_number(THEM), PROTOCOL_UDP,
                                        13));
    CHECK(get_be16(p + 26) == sum);
    CHECK(out->offload.csum_start == 20 &&
          out->offload.kind == OFFLOAD_UDP_IPV4);
    end();
}

TEST(failed_writes_leak_no_pages)
{
    static uint8_t data[UDP_MOST + 1];
    static struct buf *taken[TEST_PAGES];
    struct endpoint nowhere = {ipv4_of_number(0), 1};
    size_t count = 0;

    begin();
    CHECK(udpv4_write(udp, 53, them(1), data, UDP_MOST + 1) == ERR_RANGE);
    CHECK(udpv4_write(udp, 53, them(1), data, UDP_MOST) == OK);
    CHECK(sent == 45); /* fragments of 1,480 bytes */
    CHECK(udpv4_write(udp, 53, nowhere, data, 1) == ERR_UNREACHABLE);
    while (buf_pages_free() > 0)
        taken[count++] = buf_new(0);
    CHECK(udpv4_write(udp, 53, them(1), data, 1) == ERR_NO_MEMORY);
    while (count > 0)
        buf_free(taken[--count]);
    end();
}

TEST(a_refusal_by_the_peer_is_reported_once_to_the_connected_port)
{
    struct endpoint peer = them(1000);
    struct ipv4_packet packet = {.from = ipv4_of_number(US),
                                 .to = ipv4_of_number(THEM),
                                 .protocol = PROTOCOL_UDP};
    struct ipv4_error refusal = {ERR_REFUSED, 0};
    uint8_t start[8] = {0};
    uint16_t port = 0;

    begin();
    CHECK(udpv4_open(udp, &peer, hear, NULL, &port) == OK);
    put_be16(start, port);
    put_be16(start + 2, 1001); /* of another one */
    ipv4_failed(ip, &packet, start, 8, &refusal);
    CHECK(udpv4_write(udp, port, peer, "x", 1) == OK);
    put_be16(start + 2, 1000);
    ipv4_failed(ip, &packet, start, 3, &refusal); /* too little is quoted */
    CHECK(udpv4_write(udp, port, peer, "x", 1) == OK);
    ipv4_failed(ip, &packet, start, 8, &refusal);
    CHECK(udpv4_write(udp, port, peer, "x", 1) == ERR_REFUSED);
    CHECK(udpv4_write(udp, port, peer, "x", 1) == OK);
    end();
}

/* Answers as many bytes as it got, twice if the last is odd. */
static void answer(void *ctx, struct endpoint from, struct endpoint to,
                   const struct buf *datagram)
{
    uint8_t data[1500];
    size_t len = buf_length(datagram);

    (void)ctx;
    heard++;
    buf_copy_out(datagram, 0, data, len);
    CHECK(udpv4_write(udp, to.port, from, data, len) == OK);
    if (len % 2)
        CHECK(udpv4_write(udp, to.port, from, data, len) == OK);
}

static void asked(uint16_t from, size_t len)
{
    come(from, 53, len, HEADER + len, 2000, true, 0);
}

TEST(answers_of_one_length_to_one_peer_are_sent_as_one_packet)
{
    begin_with(NETWORK_CHECKSUM | NETWORK_UDP_SEGMENTS);
    CHECK(udpv4_listen(udp, 53, answer, NULL) == OK);
    for (int i = 0; i < 5; i++)
        asked(1000, 100);
    asked(1000, 60); /* a shorter one is the last, */
    CHECK(sent == 0);
    asked(1000, 60); /* and the next begins anew */
    CHECK(sent == 1 && buf_length(out) == 28 + 560);
    CHECK(out->offload.segment == 100 && out->offload.kind == OFFLOAD_UDP_IPV4);
    CHECK(fiber_yield() == OK);
    CHECK(sent == 2 && buf_length(out) == 28 + 60);
    CHECK(out->offload.segment == 0);
    end();
}

TEST(other_datagrams_do_not_wait_for_joined_answers)
{
    begin_with(NETWORK_CHECKSUM | NETWORK_UDP_SEGMENTS);
    CHECK(udpv4_listen(udp, 53, answer, NULL) == OK);
    asked(1000, 100);
    asked(1001, 100);
    CHECK(sent == 1 && get_be16(out->data + 22) == 1000);
    CHECK(udpv4_write(udp, 53, them(1002), "x", 1) == OK);
    CHECK(sent == 3 && get_be16(out->data + 22) == 1002);
    asked(1000, 1000); /* a page has room for four */
    for (int i = 0; i < 70; i++)
        asked(1000, 1000);
    CHECK(sent == 4 && buf_length(out) == 28 + 64000);
    CHECK(fiber_yield() == OK);
    CHECK(sent == 5 && buf_length(out) == 28 + 7000);
    CHECK(heard == 73);
    end();
}

TEST(without_segmentation_each_answer_is_sent_at_once)
{
    begin();
    CHECK(udpv4_listen(udp, 53, answer, NULL) == OK);
    asked(1000, 100);
    asked(1000, 101);
    CHECK(sent == 3 && out->offload.segment == 0);
    end();
}

TEST(an_answer_without_a_route_is_an_error_while_others_are_joined)
{
    begin_with(NETWORK_CHECKSUM | NETWORK_UDP_SEGMENTS);
    CHECK(udpv4_listen(udp, 53, answer, NULL) == OK);
    asked(1000, 100);
    CHECK(udpv4_write(udp, 53, (struct endpoint){ipv4_of_number(0), 1}, "x",
                      1) == ERR_UNREACHABLE);
    CHECK(sent == 1); /* what was written before has gone */
    end();
}
