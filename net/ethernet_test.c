/* SPDX-License-Identifier: ISC */
/* Delivery of Ethernet frames, and priority tags. */
#include "check.h"
#include <mirage/bytes.h>
#include <mirage/ethernet.h>
#include <string.h>

static const struct mac our_mac = {{2, 0, 0, 0, 0, 2}};
static const struct mac their_mac = {{2, 0, 0, 0, 0, 1}};
static const struct mac everyone = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

static struct network net;
static unsigned received;
static bool received_many;
static size_t received_len;
static uint8_t received_first;

static struct ethernet *ethernet;
static uint8_t sent[100]; /* the last frame */
static size_t sent_len;

static void keep(struct network *n, struct buf *frame)
{
    (void)n;
    sent_len = buf_length(frame);
    CHECK(sent_len <= sizeof sent);
    buf_copy_out(frame, 0, sent, sent_len);
    buf_free(frame);
}

static const struct network_ops ops = {.write = keep};

static void on_packet(void *ctx, struct mac from, bool to_many,
                      struct buf *packet)
{
    CHECK(ctx == &received && mac_equal(from, their_mac));
    received++;
    received_many = to_many;
    received_len = buf_length(packet);
    buf_copy_out(packet, 0, &received_first, 1);
    buf_free(packet);
}

static void begin(void)
{
    if (buf_pages() == 0)
        CHECK(buf_reserve(TEST_PAGES) == OK);
    net = (struct network){
        .ops = &ops, .mac = our_mac, .mtu = 1500, .up = true};
    CHECK(ethernet_connect(&net, &ethernet) == OK);
    ethernet_listen(ethernet, ETHERTYPE_IPV4, on_packet, &received);
    received = 0;
}

/* Receives a frame with these words after the addresses, then len bytes, in
 * bufs of piece bytes. */
static void receive_from(struct mac from, struct mac to, const uint16_t *words,
                         size_t count, size_t len, size_t piece)
{
    uint8_t frame[1600];
    size_t total = 12 + 2 * count + len;
    struct buf *first = NULL, **last = &first;

    memcpy(frame, to.byte, 6);
    memcpy(frame + 6, from.byte, 6);
    for (size_t i = 0; i < count; i++)
        put_be16(frame + 12 + 2 * i, words[i]);
    memset(frame + 12 + 2 * count, 0x45, len);
    for (size_t at = 0; at < total; at += piece) {
        *last = buf_copy_in(frame + at,
                            total - at < piece ? total - at : piece, 0);
        last = &(*last)->next;
    }
    network_deliver(&net, &first, 1);
    CHECK(buf_pages_free() == buf_pages());
}

static void receive(struct mac to, const uint16_t *words, size_t count,
                    size_t len, size_t piece)
{
    receive_from(their_mac, to, words, count, len, piece);
}

TEST(a_frame_is_sent_from_our_address_with_the_type)
{
    struct buf *b;

    begin();
    b = buf_copy_in("packet", 6, ETHERNET_HEADER);
    ethernet_write(ethernet, their_mac, 0x1234, b);
    CHECK(sent_len >= ETHERNET_HEADER + 6);
    CHECK(memcmp(sent, their_mac.byte, 6) == 0);
    CHECK(memcmp(sent + 6, our_mac.byte, 6) == 0);
    CHECK(memcmp(sent + 12, "\x12\x34packet", 8) == 0);
    /* Without room for the header it is dropped, and counted. */
    sent_len = 0;
    b = buf_copy_in("packet", 6, ETHERNET_HEADER - 1);
    ethernet_write(ethernet, their_mac, 0x1234, b);
    CHECK(sent_len == 0 && net.counters.dropped_out == 1);
    CHECK(buf_pages_free() == buf_pages());
}

static unsigned of_type[5];

static void count_packet(void *ctx, struct mac from, bool to_many,
                         struct buf *packet)
{
    (void)from, (void)to_many;
    ++*(unsigned *)ctx;
    buf_free(packet);
}

TEST(four_types_have_a_listener_each_and_one_may_be_replaced)
{
    begin();
    memset(of_type, 0, sizeof of_type);
    for (uint16_t i = 1; i < 4; i++)
        ethernet_listen(ethernet, (uint16_t)(0x9000 + i), count_packet,
                        &of_type[i]);
    for (uint16_t i = 1; i < 4; i++)
        receive(our_mac, (uint16_t[]){(uint16_t)(0x9000 + i)}, 1, 46, 100);
    receive(our_mac, (uint16_t[]){ETHERTYPE_IPV4}, 1, 46, 100);
    CHECK(of_type[1] == 1 && of_type[2] == 1 && of_type[3] == 1);
    CHECK(received == 1);
    ethernet_listen(ethernet, 0x9002, count_packet, &of_type[4]);
    ethernet_listen(ethernet, 0x9003, NULL, NULL);
    for (uint16_t i = 1; i < 4; i++)
        receive(our_mac, (uint16_t[]){(uint16_t)(0x9000 + i)}, 1, 46, 100);
    CHECK(of_type[1] == 2 && of_type[2] == 1 && of_type[3] == 1);
    CHECK(of_type[4] == 1 && net.counters.dropped_in == 1);
    ethernet_disconnect(ethernet);
    receive(our_mac, (uint16_t[]){0x9001}, 1, 46, 100);
    CHECK(of_type[1] == 2);
}

TEST(frames_for_us_and_broadcasts_reach_the_listener_of_their_type)
{
    static const struct mac other = {{2, 0, 0, 0, 0, 3}};
    static const uint16_t ip[] = {0x0800}, arp[] = {0x0806};

    begin();
    receive(our_mac, ip, 1, 46, 2000);
    CHECK(received == 1 && received_len == 46 && !received_many);
    receive(everyone, ip, 1, 46, 2000);
    CHECK(received == 2 && received_many);
    receive(other, ip, 1, 46, 2000);
    receive(our_mac, arp, 1, 46, 2000);
    CHECK(received == 2 && net.counters.dropped_in == 2);
}

TEST(a_frame_whose_source_is_a_group_is_dropped)
{
    static const uint16_t ip[] = {0x0800};
    static const struct mac group = {{3, 0, 0, 0, 0, 1}};

    begin();
    receive_from(group, our_mac, ip, 1, 46, 2000);
    receive_from(everyone, everyone, ip, 1, 46, 2000);
    CHECK(received == 0 && net.counters.dropped_in == 2);
}

TEST(a_priority_tag_is_stripped)
{
    begin();
    for (uint16_t tci = 0; tci < 16; tci++) { /* priority, drop eligible */
        uint16_t words[] = {0x8100, (uint16_t)(tci << 12), 0x0800};

        for (size_t piece = 1; piece < 80; piece += 7) {
            received = 0;
            receive(our_mac, words, 3, 46, piece);
            CHECK(received == 1 && received_len == 46 &&
                  received_first == 0x45);
        }
    }
}

TEST(frames_of_vlans_of_802_2_and_with_two_tags_are_dropped)
{
    static const uint16_t vlan[] = {0x8100, 0x0001, 0x0800};
    static const uint16_t last[] = {0x8100, 0xefff, 0x0800};
    static const uint16_t twice[] = {0x8100, 0, 0x8100, 0, 0x0800};
    static const uint16_t service[] = {0x88a8, 0, 0x0800};
    static const uint16_t snap[] = {54, 0xaaaa, 0x0300, 0x0000, 0x0800};
    static const uint16_t tagged_snap[] = {0x8100, 0, 54, 0xaaaa,
                                           0x0300, 0x0000, 0x0800};

    begin();
    receive(our_mac, vlan, 3, 46, 2000);
    receive(our_mac, last, 3, 46, 2000);
    receive(our_mac, twice, 5, 46, 2000);
    receive(our_mac, service, 3, 46, 2000);
    receive(our_mac, snap, 5, 46, 2000);
    receive(our_mac, tagged_snap, 7, 46, 2000);
    CHECK(received == 0 && net.counters.dropped_in == 6);
}

TEST(a_listener_for_tags_receives_frames_of_vlans_with_their_tag)
{
    static const uint16_t vlan[] = {0x8100, 0x4321, 0x0800};
    struct ethernet *e;

    begin();
    CHECK(ethernet_connect(&net, &e) == OK);
    ethernet_listen(e, 0x8100, on_packet, &received);
    receive(our_mac, vlan, 3, 46, 2000);
    CHECK(received == 1 && received_len == 50 && received_first == 0x43);
}

TEST(a_frame_with_a_truncated_tag_is_dropped)
{
    static const uint16_t words[] = {0x8100, 0};

    begin();
    receive(our_mac, words, 1, 0, 2000);
    receive(our_mac, words, 2, 0, 2000);
    receive(our_mac, words, 2, 1, 2000);
    CHECK(received == 0 && net.counters.dropped_in == 3);
}
