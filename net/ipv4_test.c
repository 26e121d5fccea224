/* SPDX-License-Identifier: ISC */
/* IPv4 between two hosts whose packets the test carries. */
#include "check.h"
#include "ipv4_wheel.h"
#include <mirage/bytes.h>
#include <mirage/checksum.h>
#include <mirage/ipv4.h>
#include <mirage/network.h>

#define LEFT    0x0a000001
#define RIGHT   0x0a000002
#define GATEWAY 0x0a0000fe
#define MORE    0x2000
#define WHOLE   0x4000
#define PACKETS 128
#define NOBODYS 99 /* a protocol without a listener */

/* A host, with the packets that it has sent and received. */
struct host {
    struct ipv4 *ip;
    struct buf *out[PACKETS];
    struct ip_address next[PACKETS];
    bool to_many[PACKETS];
    size_t out_count;
    struct ipv4_packet received;
    struct buf *payload; /* the latest; NULL: none */
    unsigned received_count;
    unsigned refused, refused_type, refused_code;
};

static struct wheel wheel;
static const struct ip_address none;

static void record_packet(void *ctx, struct ip_address next, bool to_many,
                          struct buf *packet)
{
    struct host *h = ctx;

    CHECK(h->out_count < PACKETS);
    h->next[h->out_count] = next;
    h->to_many[h->out_count] = to_many;
    h->out[h->out_count++] = packet;
}

static void on_packet(void *ctx, const struct ipv4_packet *packet,
                      struct buf *b)
{
    struct host *h = ctx;

    buf_free(h->payload);
    h->received = *packet;
    h->payload = b;
    h->received_count++;
}

static void on_refusal(void *ctx, const struct ipv4_packet *packet,
                       const struct buf *payload, uint8_t type, uint8_t code)
{
    struct host *h = ctx;

    CHECK(!packet->to_many && buf_length(payload) > 0);
    h->refused++;
    h->refused_type = type;
    h->refused_code = code;
}

/* Sets up the host with the address own (0: none) and a prefix of 24 bits. */
static void connect(struct host *h, uint32_t own, uint16_t mtu)
{
    static bool started;

    if (buf_pages() == 0)
        CHECK(buf_reserve(TEST_PAGES) == OK);
    if (!started)
        wheel_init(&wheel, time_now());
    started = true;
    *h = (struct host){.ip = NULL};
    CHECK(ipv4_connect_with_wheel(record_packet, h, &wheel, mtu, 0, &h->ip) ==
          OK);
    ipv4_set_address(h->ip, ipv4_of_number(own), 24, ipv4_of_number(GATEWAY));
    ipv4_listen(h->ip, PROTOCOL_UDP, on_packet, NULL, h);
    ipv4_on_refusal(h->ip, on_refusal, h);
}

/* Frees the packets of h, and checks that no page leaks. The layer itself is
 * not freed. */
static void forget(struct host *h)
{
    while (h->out_count > 0)
        buf_free(h->out[--h->out_count]);
    buf_free(h->payload);
    h->payload = NULL;
    CHECK(buf_pages_free() == buf_pages());
}

static uint64_t counted;

static void count_one(void *ctx, const char *name, uint64_t value)
{
    if (strcmp(name, ctx) == 0)
        counted = value;
}

static uint64_t count(const struct host *h, const char *name)
{
    char wanted[40];

    snprintf(wanted, sizeof wanted, "%s", name);
    counted = UINT64_MAX;
    ipv4_counters(h->ip, count_one, wanted);
    CHECK(counted != UINT64_MAX);
    return counted;
}

static uint8_t letter(size_t i)
{
    return (uint8_t)(i * 3 + i / 254);
}

/* Makes a packet with len bytes of payload and options bytes of NOP options,
 * without a checksum. */
static struct buf *packet_of(uint32_t from, uint32_t to, size_t options,
                             size_t len)
{
    struct buf *b = buf_new(IPV4_HEADROOM);
    uint8_t *p = buf_append(b, IPV4_HEADER + options + len);

    memset(p, 0, IPV4_HEADER);
    p[0] = (uint8_t)(0x40 | (IPV4_HEADER + options) / 4);
    put_be16(p + 2, (uint16_t)(IPV4_HEADER + options + len));
    put_be16(p + 4, 0x1234);
    p[8] = 17;
    p[9] = PROTOCOL_UDP;
    put_be32(p + 12, from);
    put_be32(p + 16, to);
    memset(p + IPV4_HEADER, 1, options);
    for (size_t i = 0; i < len; i++)
        p[IPV4_HEADER + options + i] = letter(i);
    return b;
}

static struct buf *sealed(struct buf *b)
{
    size_t header = 4 * (b->data[0] & 15u);

    put_be16(b->data + 10, 0);
    put_be16(b->data + 10, checksum_finish(checksum_add(0, b->data, header)));
    return b;
}

/* Has h received one datagram of len bytes since the last call? */
static bool has_received(struct host *h, size_t len)
{
    struct buf *b = h->payload;
    bool right = h->received_count == 1 && b && buf_length(b) == len;
    size_t at = 0;

    for (; b; b = b->next)
        for (size_t i = 0; i < b->len; i++, at++)
            right = right && b->data[i] == letter(at);
    buf_free(h->payload);
    h->payload = NULL;
    h->received_count = 0;
    return right;
}

static struct host host, other;

TEST(a_packet_for_us_is_delivered_with_the_fields_of_its_header)
{
    struct buf *b;

    connect(&host, RIGHT, 1500);
    b = packet_of(LEFT, RIGHT, 0, 100);
    b->data[1] = 0xb8;
    b->data[8] = 77;
    put_be16(b->data + 6, WHOLE);
    ipv4_input(host.ip, false, sealed(b));
    CHECK(host.received_count == 1 && host.received.service == 0xb8);
    CHECK(host.received.ttl == 77 && host.received.id == 0x1234);
    CHECK(host.received.protocol == PROTOCOL_UDP && host.received.whole);
    CHECK(ipv4_number(host.received.from) == LEFT && !host.received.to_many);
    CHECK(ipv4_number(host.received.to) == RIGHT);
    CHECK(has_received(&host, 100));
    b = packet_of(LEFT, RIGHT, 0, 100);
    put_be16(b->data + 6, 0);
    ipv4_input(host.ip, false, sealed(b));
    CHECK(has_received(&host, 100) && !host.received.whole);
    forget(&host);
}

TEST(malformed_headers_are_dropped_and_counted)
{
    static const struct {
        size_t at;
        uint8_t value;
    } faults[] = {
        {0, 0x65}, /* version 6 */
        {0, 0x44}, /* a header of 16 bytes */
        {0, 0x40}, /* of none */
        {3, 19}, /* less in all than the header */
        {3, 29}, /* more than there is */
        {2, 0xff}}; /* much more */

    connect(&host, RIGHT, 1500);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        struct buf *b = packet_of(LEFT, RIGHT, 0, 8);

        b->data[faults[i].at] = faults[i].value;
        ipv4_input(host.ip, false, sealed(b));
        CHECK(count(&host, "ipv4_malformed") == i + 1);
    }
    CHECK(host.received_count == 0 && host.refused == 0);
    forget(&host);
}

TEST(a_truncated_header_is_dropped_and_counted)
{
    connect(&host, RIGHT, 1500);
    for (size_t len = 0; len < 60; len++) {
        struct buf *b = sealed(packet_of(LEFT, RIGHT, 40, 8));

        buf_cut(b, len);
        ipv4_input(host.ip, false, b);
    }
    CHECK(host.received_count == 0);
    CHECK(count(&host, "ipv4_malformed") == 60);
    forget(&host);
}

TEST(every_flipped_bit_in_a_header_is_detected)
{
    connect(&host, RIGHT, 1500);
    for (size_t bit = 0; bit < 8 * IPV4_HEADER; bit++) {
        struct buf *b = sealed(packet_of(LEFT, RIGHT, 0, 8));

        b->data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        ipv4_input(host.ip, false, b);
    }
    CHECK(host.received_count == 0);
    CHECK(count(&host, "ipv4_malformed") == 8 * IPV4_HEADER);
    forget(&host);
}

TEST(padding_after_a_packet_is_removed)
{
    struct buf *b;

    connect(&host, RIGHT, 1500);
    for (size_t len = 1; len < 26; len++) {
        b = sealed(packet_of(LEFT, RIGHT, 0, len));
        memset(buf_append(b, 26 - len), 0xee, 26 - len);
        ipv4_input(host.ip, false, b);
        CHECK(has_received(&host, len));
    }
    /* Padding in a buf of its own, and in the middle of a buf. */
    b = sealed(packet_of(LEFT, RIGHT, 0, 10));
    b->next = buf_new(0);
    memset(buf_append(b->next, 16), 0xee, 16);
    ipv4_input(host.ip, false, b);
    CHECK(has_received(&host, 10));
    forget(&host);
}

TEST(a_packet_in_several_bufs_is_delivered)
{
    connect(&host, RIGHT, 1500);
    for (size_t first = 0; first <= 70; first++) {
        struct buf *whole = sealed(packet_of(LEFT, RIGHT, 8, 100));
        struct buf *b = buf_new(0);

        memcpy(buf_append(b, first), whole->data, first);
        buf_trim(whole, first);
        b->next = whole;
        ipv4_input(host.ip, false, b);
        CHECK(has_received(&host, 100));
    }
    forget(&host);
}

TEST(a_packet_without_payload_is_dropped)
{
    connect(&host, RIGHT, 1500);
    ipv4_input(host.ip, false, sealed(packet_of(LEFT, RIGHT, 0, 0)));
    CHECK(host.received_count == 0 && count(&host, "ipv4_malformed") == 0);
    CHECK(host.refused == 0);
    forget(&host);
}

TEST(options_are_skipped)
{
    struct buf *b;

    connect(&host, RIGHT, 1500);
    for (size_t options = 4; options <= 40; options += 4) {
        ipv4_input(host.ip, false, sealed(packet_of(LEFT, RIGHT, options, 9)));
        CHECK(has_received(&host, 9));
    }
    /* Router alert (RFC 2113), record route (RFC 791, 3.1), and bytes after the
     * end of the options. */
    b = packet_of(LEFT, RIGHT, 16, 9);
    memcpy(b->data + 20, "\x94\x04\0\0\x07\x07\x04\0\0\0\0\0\x83\x03\x04", 16);
    ipv4_input(host.ip, false, sealed(b));
    CHECK(has_received(&host, 9));
    forget(&host);
}

TEST(packets_with_source_routes_or_malformed_options_are_dropped)
{
    static const uint8_t faults[][8] = {
        {131, 7, 4, 10, 0, 0, 9, 0}, /* loose source route */
        {137, 7, 4, 10, 0, 0, 9, 0}, /* strict */
        {1, 131, 7, 4, 10, 0, 0, 9}, /* after another option */
        {7, 3, 4, 137, 3, 4, 0, 0}, /* the same */
        {1, 1, 1, 1, 1, 1, 1, 7}, /* truncated after its kind */
        {7, 0, 1, 1, 1, 1, 1, 1}, /* would never end */
        {7, 1, 1, 1, 1, 1, 1, 1}};

    connect(&host, RIGHT, 1500);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        struct buf *b = packet_of(LEFT, RIGHT, 8, 8);

        memcpy(b->data + IPV4_HEADER, faults[i], 8);
        ipv4_input(host.ip, false, sealed(b));
        CHECK(count(&host, "ipv4_malformed") == i + 1);
    }
    CHECK(host.received_count == 0 && host.refused == 0);
    forget(&host);
}

TEST(packets_from_martian_addresses_are_dropped)
{
    static const uint32_t martians[] = {0x00000000, 0x00010203, 0x7f000001,
                                        0xe0000001, 0xefffffff, 0xf0000001,
                                        0xffffffff, 0x0a0000ff, RIGHT};

    connect(&host, RIGHT, 1500);
    for (size_t i = 0; i < sizeof martians / sizeof *martians; i++) {
        ipv4_input(host.ip, false,
                   sealed(packet_of(martians[i], RIGHT, 0, 8)));
        CHECK(count(&host, "ipv4_martians") == i + 1);
    }
    CHECK(host.received_count == 0);
    forget(&host);
}

/* Receives a packet to a port, whole or as two fragments. */
static void receive_at_port(uint32_t from, uint32_t to, uint8_t protocol,
                            uint16_t port, bool in_fragments)
{
    struct buf *b = packet_of(from, to, 0, 24), *second;

    b->data[9] = protocol;
    put_be16(b->data + IPV4_HEADER + 2, port);
    if (!in_fragments) {
        ipv4_input(host.ip, to == 0xffffffff, sealed(b));
        return;
    }
    second = packet_of(from, to, 0, 16);
    second->data[9] = protocol;
    put_be16(second->data + 6, 1);
    put_be16(b->data + 2, IPV4_HEADER + 8);
    put_be16(b->data + 6, MORE);
    ipv4_input(host.ip, to == 0xffffffff, sealed(b));
    ipv4_input(host.ip, to == 0xffffffff, sealed(second));
}

static unsigned count_received(void)
{
    unsigned count = host.received_count;

    buf_free(host.payload);
    host.payload = NULL;
    host.received_count = 0;
    return count;
}

/* RFC 1122, 3.2.1.3 (a): only to ask a server for an address. */
TEST(a_sender_without_an_address_reaches_dhcp_only)
{
    connect(&host, RIGHT, 1500);
    ipv4_listen(host.ip, PROTOCOL_TCP, on_packet, NULL, &host);
    for (int cut = 0; cut < 2; cut++) {
        receive_at_port(0, 0xffffffff, PROTOCOL_UDP, 67, cut);
        CHECK(count_received() == 1);
        receive_at_port(0, 0xffffffff, PROTOCOL_UDP, 53, cut);
        receive_at_port(0, 0xffffffff, PROTOCOL_TCP, 67, cut);
        receive_at_port(0, 0xffffffff, NOBODYS, 67, cut);
        receive_at_port(0, RIGHT, PROTOCOL_UDP, 67, cut);
        CHECK(count_received() == 0);
    }
    CHECK(host.refused == 0);
    ipv4_input(host.ip, true, sealed(packet_of(0, 0xffffffff, 0, 3)));
    CHECK(count_received() == 0);
    forget(&host);
}

TEST(packets_for_other_hosts_are_dropped)
{
    static const uint32_t others[] = {LEFT, 0x0a000003, 0x0a0001ff,
                                      0xe0000002, 0x7f000001, 0};

    connect(&host, RIGHT, 1500);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        ipv4_input(host.ip, false,
                   sealed(packet_of(0x0a000009, others[i], 0, 8)));
        CHECK(count(&host, "ipv4_not_ours") == i + 1);
    }
    CHECK(host.received_count == 0 && host.refused == 0);
    forget(&host);
}

/* As after the end of a lease. */
TEST(a_host_without_an_address_receives_only_for_a_dhcp_client)
{
    static const uint32_t never[] = {0x7f000001, 0x7fffffff, 0x7f000044, 0,
                                     0x00000044, 0xe0000001, 0xe0000005,
                                     0xf0000001, 0xfffffffe};
    static const uint32_t senders[] = {0x7f000001, 0xe0000001, 0xf0000001,
                                       0xffffffff, 0x00000001};

    connect(&host, 0, 1500);
    ipv4_listen(host.ip, PROTOCOL_TCP, on_packet, NULL, &host);
    ipv4_listen(host.ip, PROTOCOL_ICMP, on_packet, NULL, &host);
    for (int cut = 0; cut < 2; cut++) {
        receive_at_port(LEFT, 0x0a000063, PROTOCOL_UDP, 68, cut);
        receive_at_port(LEFT, 0xffffffff, PROTOCOL_UDP, 68, cut);
        receive_at_port(0xc0a80101, RIGHT, PROTOCOL_UDP, 68, cut);
        CHECK(count_received() == 3);
        for (uint32_t port = 1; port < 65536; port += port < 100 ? 1 : 331)
            if (port != 68) {
                receive_at_port(LEFT, RIGHT, PROTOCOL_UDP, (uint16_t)port, cut);
                receive_at_port(LEFT, 0xffffffff, PROTOCOL_UDP, (uint16_t)port,
                                cut);
            }
        receive_at_port(LEFT, RIGHT, PROTOCOL_TCP, 68, cut);
        receive_at_port(LEFT, 0xffffffff, PROTOCOL_TCP, 68, cut);
        receive_at_port(LEFT, RIGHT, PROTOCOL_ICMP, 68, cut);
        receive_at_port(LEFT, RIGHT, NOBODYS, 68, cut);
        for (size_t i = 0; i < sizeof never / sizeof *never; i++)
            receive_at_port(LEFT, never[i], PROTOCOL_UDP, 68, cut);
        for (size_t i = 0; i < sizeof senders / sizeof *senders; i++)
            receive_at_port(senders[i], RIGHT, PROTOCOL_UDP, 68, cut);
        CHECK(count_received() == 0 && host.refused == 0);
    }
    CHECK(buf_pages_free() == buf_pages()); /* nor does anything wait */
    forget(&host);
}

TEST(packets_from_and_to_loopback_addresses_are_dropped)
{
    for (int own = 0; own < 2; own++) {
        connect(&host, own ? RIGHT : 0, 1500);
        for (uint32_t low = 0; low < 0x1000000; low += 99991) {
            receive_at_port(0x7f000000 + low, RIGHT, PROTOCOL_UDP, 68, false);
            receive_at_port(0x7f000000 + low, 0xffffffff, PROTOCOL_UDP, 68,
                            false);
            receive_at_port(LEFT, 0x7f000000 + low, PROTOCOL_UDP, 68, false);
            CHECK(!ipv4_reaches(host.ip, ipv4_of_number(0x7f000000 + low)));
        }
        CHECK(count_received() == 0);
        forget(&host);
    }
}

TEST(multicast_and_broadcast_packets_are_marked)
{
    static const struct {
        uint32_t to;
        bool link, many;
    } cases[] = {
        {RIGHT, false, false},
        {RIGHT, true, true},
        {0x0a0000ff, true, true},
        {0x0a0000ff, false, true},
        {0xffffffff, true, true},
        {0xffffffff, false, true},
        {0xe0000001, true, true},
    };

    connect(&host, RIGHT, 1500);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ipv4_input(host.ip, cases[i].link,
                   sealed(packet_of(LEFT, cases[i].to, 0, 8)));
        CHECK(host.received.to_many == cases[i].many);
        CHECK(has_received(&host, 8));
    }
    CHECK(ipv4_is_broadcast(host.ip, ipv4_address(10, 0, 0, 255)));
    CHECK(ipv4_is_broadcast(host.ip, ipv4_address(255, 255, 255, 255)));
    CHECK(!ipv4_is_broadcast(host.ip, ipv4_address(10, 0, 1, 255)));
    /* RFC 3021: a network of two hosts has no broadcast address. */
    ipv4_set_address(host.ip, ipv4_address(10, 0, 0, 2), 31,
                     none);
    CHECK(!ipv4_is_broadcast(host.ip, ipv4_address(10, 0, 0, 3)));
    ipv4_set_address(host.ip, ipv4_address(10, 0, 0, 2), 32,
                     none);
    CHECK(!ipv4_is_broadcast(host.ip, ipv4_address(10, 0, 0, 2)));
    forget(&host);
}

TEST(an_unknown_protocol_is_refused_except_to_many)
{
    struct buf *b;

    connect(&host, RIGHT, 1500);
    b = packet_of(LEFT, RIGHT, 0, 8);
    b->data[9] = NOBODYS;
    ipv4_input(host.ip, false, sealed(b));
    CHECK(host.refused == 1 && host.refused_type == 3);
    CHECK(host.refused_code == 2);
    b = packet_of(LEFT, 0x0a0000ff, 0, 8);
    b->data[9] = NOBODYS;
    ipv4_input(host.ip, false, sealed(b));
    b = packet_of(LEFT, RIGHT, 0, 8);
    b->data[9] = NOBODYS;
    ipv4_input(host.ip, true, sealed(b));
    CHECK(host.refused == 1 && count(&host, "ipv4_no_protocol") == 3);
    forget(&host);
}

static struct buf *payload_of(size_t len, size_t headroom)
{
    struct buf *first = buf_new(headroom), *last = first;

    for (size_t i = 0; i < len; i++) {
        if (buf_tailroom(last) == 0)
            last = last->next = buf_new(0);
        *buf_append(last, 1) = letter(i);
    }
    return first;
}

static enum status write_to(struct host *h, uint32_t to, size_t len,
                            bool whole)
{
    struct ipv4_packet packet = {.to = ipv4_of_number(to),
                                 .protocol = PROTOCOL_UDP,
                                 .service = 3,
                                 .whole = whole};

    return ipv4_write(h->ip, &packet, payload_of(len, IPV4_HEADROOM));
}

TEST(a_sent_packet_has_a_valid_header)
{
    struct ipv4_packet packet = {.from = ipv4_address(10, 0, 0, 77),
                                 .to = ipv4_of_number(RIGHT),
                                 .protocol = PROTOCOL_UDP,
                                 .ttl = 1};
    uint16_t id;
    const uint8_t *p;

    connect(&host, LEFT, 1500);
    CHECK(write_to(&host, RIGHT, 100, true) == OK && host.out_count == 1);
    p = host.out[0]->data;
    CHECK(buf_length(host.out[0]) == 120 && p[0] == 0x45 && p[1] == 3);
    CHECK(get_be16(p + 2) == 120 && get_be16(p + 6) == WHOLE);
    CHECK(p[8] == 64 && p[9] == PROTOCOL_UDP);
    CHECK(get_be32(p + 12) == LEFT && get_be32(p + 16) == RIGHT);
    CHECK(checksum_finish(checksum_add(0, p, 20)) == 0);
    id = get_be16(p + 4);
    /* With the given fields and another id, before a payload without headroom.
     */
    CHECK(ipv4_write(host.ip, &packet, payload_of(9, 0)) == OK);
    CHECK(host.out_count == 2);
    p = host.out[1]->data;
    CHECK(p[8] == 1 && get_be32(p + 12) == 0x0a00004d);
    CHECK(get_be16(p + 6) == 0 && get_be16(p + 4) != id);
    CHECK(checksum_finish(checksum_add(0, p, 20)) == 0);
    CHECK(buf_length(host.out[1]) == 29 && host.out[1]->next);
    forget(&host);
}

/* The identification of the next packet to an address. Frees the packet. */
static uint16_t id_to(struct host *h, uint32_t to, size_t len)
{
    uint16_t id;

    CHECK(write_to(h, to, len, false) == OK);
    id = get_be16(h->out[0]->data + 4);
    while (h->out_count > 0)
        buf_free(h->out[--h->out_count]);
    return id;
}

/* RFC 6274, 3.5.2: with a global counter a host could count our packets to
 * others. */
TEST(identities_do_not_disclose_traffic_to_other_hosts)
{
    unsigned moved = 0;

    connect(&host, LEFT, 1500);
    for (uint32_t a = 0; a < 64; a++) {
        uint16_t first = id_to(&host, 0x0a000100 + a, 8), second;

        for (uint32_t i = 0; i < 1000; i++)
            (void)id_to(&host, RIGHT, 8);
        second = id_to(&host, 0x0a000100 + a, 8);
        moved += (uint16_t)(second - first) >= 1000;
    }
    CHECK(moved <= 4); /* those that share a counter with it */
    forget(&host);
}

TEST(identities_to_one_host_repeat_late)
{
    static uint8_t seen[65536];
    unsigned again = 0;
    uint16_t last;

    connect(&host, LEFT, 1500);
    for (int i = 0; i < 20000; i++) {
        uint16_t id = id_to(&host, RIGHT, 8);

        again += seen[id]++;
    }
    CHECK(again == 0);
    /* All fragments of a packet have the same, each segment its own. */
    last = id_to(&host, RIGHT, 5000);
    CHECK(id_to(&host, RIGHT, 8) != last);
    forget(&host);
}

TEST(identities_are_not_predictable_from_other_hosts)
{
    unsigned near = 0;

    connect(&host, LEFT, 1500);
    connect(&other, LEFT, 1500);
    for (uint32_t a = 0; a < 200; a++) {
        uint32_t to = 0x0a000100 + a;
        uint16_t one = id_to(&host, to, 8), next = id_to(&host, to + 1, 8);
        uint16_t others = id_to(&other, to, 8);

        near += (uint16_t)(next - one + 64) < 128;
        near += (uint16_t)(others - one + 64) < 128;
    }
    CHECK(near < 10); /* of 400, at random */
    forget(&host);
    forget(&other);
}

/* The next hop of a packet to an address. */
static uint32_t next_hop_to(uint32_t to)
{
    unsigned before = host.out_count;

    CHECK(write_to(&host, to, 8, false) == OK);
    CHECK(host.out_count == before + 1);
    return ipv4_number(host.next[before]);
}

TEST(the_longest_prefix_is_used_and_without_a_router_the_link)
{
    struct ipv4_route routes[] = {
        {ipv4_address(172, 16, 0, 0), 12, ipv4_address(10, 0, 0, 5)},
        {ipv4_address(172, 16, 1, 0), 24, ipv4_address(10, 0, 0, 6)},
        {ipv4_address(172, 16, 1, 7), 32, none},
        {ipv4_address(10, 0, 0, 0), 24, ipv4_address(10, 0, 0, 7)},
        {ipv4_address(10, 0, 0, 128), 25, ipv4_address(10, 0, 0, 8)},
        {ipv4_address(10, 0, 0, 0), 8, ipv4_address(10, 0, 0, 9)},
        {ipv4_address(172, 16, 1, 0), 24, ipv4_address(10, 0, 0, 10)}};

    connect(&host, LEFT, 1500);
    ipv4_set_routes(host.ip, routes, 7);
    CHECK(next_hop_to(0xac1f0001) == 0x0a000005);
    CHECK(next_hop_to(0xac100101) == 0x0a000006); /* the first of two */
    CHECK(next_hop_to(0xac100107) == 0xac100107);
    CHECK(next_hop_to(RIGHT) == RIGHT); /* our network, of the same length */
    CHECK(next_hop_to(0x0a000081) == 0x0a000008);
    CHECK(next_hop_to(0x0a000103) == 0x0a000009);
    CHECK(next_hop_to(0xc0000201) == GATEWAY);
    /* A new address removes the routes. */
    ipv4_set_address(host.ip, ipv4_of_number(LEFT), 24, none);
    CHECK(write_to(&host, 0xac1f0001, 8, false) == ERR_UNREACHABLE);
    CHECK(!ipv4_reaches(host.ip, ipv4_of_number(0xac1f0001)));
    forget(&host);
}

TEST(an_address_without_a_network_has_its_gateway_on_the_link)
{
    struct ipv4_route routes[] = {{ipv4_of_number(GATEWAY), 32, none}};
    struct ipv4_route all[] = {{none, 0, none}};

    connect(&host, LEFT, 1500);
    ipv4_set_address(host.ip, ipv4_of_number(LEFT), 32,
                     ipv4_of_number(GATEWAY));
    ipv4_set_routes(host.ip, routes, 1);
    CHECK(next_hop_to(GATEWAY) == GATEWAY);
    CHECK(next_hop_to(RIGHT) == GATEWAY);
    CHECK(next_hop_to(0xc0000201) == GATEWAY);
    ipv4_set_address(host.ip, ipv4_of_number(LEFT), 32, none);
    CHECK(write_to(&host, RIGHT, 8, false) == ERR_UNREACHABLE);
    ipv4_set_routes(host.ip, all, 1);
    CHECK(next_hop_to(RIGHT) == RIGHT && next_hop_to(0xc0000201) == 0xc0000201);
    forget(&host);
}

TEST(the_next_hop_is_the_host_or_the_gateway_or_none)
{
    connect(&host, LEFT, 1500);
    CHECK(write_to(&host, RIGHT, 8, false) == OK);
    CHECK(write_to(&host, 0x0a000103, 8, false) == OK);
    CHECK(write_to(&host, 0xffffffff, 8, false) == OK);
    CHECK(write_to(&host, 0x0a0000ff, 8, false) == OK);
    CHECK(write_to(&host, 0xe00000fb, 8, false) == OK);
    CHECK(host.out_count == 5);
    CHECK(ipv4_number(host.next[0]) == RIGHT && !host.to_many[0]);
    CHECK(ipv4_number(host.next[1]) == GATEWAY && !host.to_many[1]);
    CHECK(ipv4_number(host.next[2]) == 0xffffffff && host.to_many[2]);
    CHECK(ipv4_number(host.next[3]) == 0x0a0000ff && host.to_many[3]);
    CHECK(ipv4_number(host.next[4]) == 0xe00000fb && host.to_many[4]);
    CHECK(get_be32(host.out[1]->data + 16) == 0x0a000103);
    /* There is no route to ourselves, loopback and 0/8. */
    CHECK(write_to(&host, LEFT, 8, false) == ERR_UNREACHABLE);
    CHECK(write_to(&host, 0x7f000001, 8, false) == ERR_UNREACHABLE);
    CHECK(write_to(&host, 0, 8, false) == ERR_UNREACHABLE);
    /* Without a gateway only the link is reachable. */
    ipv4_set_address(host.ip, ipv4_of_number(LEFT), 24, none);
    CHECK(write_to(&host, 0x0a000103, 8, false) == ERR_UNREACHABLE);
    CHECK(write_to(&host, RIGHT, 8, false) == OK);
    CHECK(count(&host, "ipv4_no_route") == 4);
    /* Without an address only broadcasts are sent. */
    ipv4_set_address(host.ip, none, 0, none);
    CHECK(write_to(&host, RIGHT, 8, false) == ERR_UNREACHABLE);
    CHECK(write_to(&host, 0xffffffff, 8, false) == OK);
    CHECK(get_be32(host.out[host.out_count - 1]->data + 12) == 0);
    forget(&host);
}

/* Delivers the packets that h has sent to another host, in new bufs as from a
 * device; in reverse order if backwards. */
static void carry(struct host *h, struct host *to, bool backwards)
{
    static uint8_t flat[65535];

    for (size_t i = 0; i < h->out_count; i++) {
        struct buf *b = h->out[backwards ? h->out_count - 1 - i : i];
        size_t len = buf_length(b);

        buf_copy_out(b, 0, flat, len);
        ipv4_input(to->ip, false, buf_copy_in(flat, len, 0));
    }
    while (h->out_count > 0)
        buf_free(h->out[--h->out_count]);
}

TEST(a_long_packet_is_fragmented_and_reassembled)
{
    static const uint16_t mtus[] = {576, 1499, 1500, 9000};
    unsigned last = 0, same = 0;

    for (size_t i = 0; i < sizeof mtus / sizeof *mtus; i++) {
        size_t most = (mtus[i] - 20u) & ~7u;
        size_t len[] = {mtus[i] - 20u, mtus[i] - 19u, 2 * most, 2 * most + 1,
                        12345, 65515};

        connect(&host, LEFT, mtus[i]);
        connect(&other, RIGHT, 1500);
        for (size_t j = 0; j < sizeof len / sizeof *len; j++) {
            size_t fragments = len[j] + 20 <= mtus[i]
                                   ? 1
                                   : (len[j] + most - 1) / most;

            CHECK(write_to(&host, RIGHT, len[j], false) == OK);
            CHECK(host.out_count == fragments);
            for (size_t k = 0; k < host.out_count; k++) {
                const uint8_t *p = host.out[k]->data;

                CHECK(buf_length(host.out[k]) <= mtus[i]);
                CHECK(get_be16(p + 2) == buf_length(host.out[k]));
                CHECK(get_be16(p + 6) ==
                      (k * most / 8 | (k + 1 < fragments ? MORE : 0)));
                CHECK(get_be16(p + 4) == get_be16(host.out[0]->data + 4));
            }
            same += get_be16(host.out[0]->data + 4) == last;
            last = get_be16(host.out[0]->data + 4);
            carry(&host, &other, j % 2);
            CHECK(other.received.service == 3);
            CHECK(has_received(&other, len[j]));
        }
        forget(&host);
        forget(&other);
    }
    CHECK(same < 3);
}

TEST(an_offloaded_checksum_is_filled_in_before_fragmentation)
{
    struct ipv4_packet packet = {.to = ipv4_of_number(RIGHT),
                                 .protocol = PROTOCOL_UDP};
    struct buf *b = NULL;

    connect(&host, LEFT, 576);
    connect(&other, RIGHT, 576);
    b = payload_of(3001, IPV4_HEADROOM);
    memset(b->data, 0, 8);
    b->offload.kind = OFFLOAD_UDP_IPV4;
    CHECK(ipv4_write(host.ip, &packet, b) == OK && host.out_count == 6);
    for (size_t i = 0; i < host.out_count; i++)
        CHECK(host.out[i]->offload.kind == OFFLOAD_NONE);
    carry(&host, &other, false);
    CHECK(other.received_count == 1 && buf_length(other.payload) == 3001);
    CHECK(checksum_finish(checksum_add_bufs(0, other.payload, 0, 3001)) == 0);
    forget(&other);
    forget(&host);
}

TEST(a_packet_with_df_is_not_fragmented)
{
    struct ipv4_packet packet = {.to = ipv4_of_number(RIGHT),
                                 .protocol = PROTOCOL_TCP,
                                 .whole = true};
    struct buf *b;

    connect(&host, LEFT, 1500);
    CHECK(write_to(&host, RIGHT, 1480, true) == OK);
    CHECK(write_to(&host, RIGHT, 1481, true) == ERR_RANGE);
    CHECK(write_to(&host, RIGHT, 65516, false) == ERR_RANGE);
    CHECK(host.out_count == 1);
    /* A packet that the device segments is not too long. */
    b = payload_of(9000, IPV4_HEADROOM);
    b->offload.segment = 1000;
    CHECK(ipv4_write(host.ip, &packet, b) == OK && host.out_count == 2);
    CHECK(buf_length(host.out[1]) == 9020);
    forget(&host);
}

TEST(an_mtu_is_at_most_that_of_the_link_and_at_least_68)
{
    connect(&host, LEFT, 1500);
    ipv4_set_mtu(host.ip, 9000);
    CHECK(ipv4_mtu(host.ip) == 1500);
    ipv4_set_mtu(host.ip, 67);
    CHECK(ipv4_mtu(host.ip) == 1500);
    ipv4_set_mtu(host.ip, 68);
    CHECK(ipv4_mtu(host.ip) == 68);
    CHECK(write_to(&host, RIGHT, 100, false) == OK && host.out_count == 3);
    CHECK(buf_length(host.out[0]) == 68);
    forget(&host);
}

TEST(incomplete_datagrams_time_out_and_are_reported)
{
    connect(&host, LEFT, 1500);
    connect(&other, RIGHT, 1500);
    CHECK(write_to(&host, RIGHT, 3000, false) == OK && host.out_count == 3);
    buf_free(host.out[--host.out_count]);
    carry(&host, &other, false);
    wheel_turn(&wheel, time_now() + 40 * SECOND);
    wheel_init(&wheel, time_now());
    CHECK(other.refused == 1 && other.refused_type == 11);
    CHECK(other.refused_code == 1);
    CHECK(count(&other, "ipv4_fragments_expired") == 1);
    forget(&host);
    forget(&other);
}

TEST(without_pages_a_write_fails_and_leaks_nothing)
{
    static struct buf *count_received[TEST_PAGES];
    struct buf *b;
    size_t free_pages, n = 0;
    struct ipv4_packet packet = {.to = ipv4_of_number(RIGHT),
                                 .protocol = PROTOCOL_UDP};

    connect(&host, LEFT, 576);
    for (size_t spare = 0; spare < 8; spare++) {
        b = payload_of(3001, IPV4_HEADROOM);
        free_pages = buf_pages_free();
        while (n + spare < free_pages)
            count_received[n++] = buf_new(0);
        CHECK(ipv4_write(host.ip, &packet, b) ==
              (spare < 6 ? ERR_NO_MEMORY : OK));
        while (n > 0)
            buf_free(count_received[--n]);
        forget(&host);
    }
}
