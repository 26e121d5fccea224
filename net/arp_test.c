/* SPDX-License-Identifier: ISC */
/* ARP (RFC 826, RFC 5227) with scripted packets and a clock of the test. */
#include "check.h"
#include <mirage/time.h>

/* A clock for the sources under test, which can be advanced. */
static nanoseconds ahead;

static nanoseconds clock_now(void)
{
    return time_now() + ahead;
}

static nanoseconds clock_after(nanoseconds length)
{
    return clock_now() + length;
}

#define time_now   clock_now
#define time_after clock_after
#include "arp_packet.c"
#include "arp_log.c"
#include "arp_cache.c"
#include "arp.c"
#undef time_now
#undef time_after

#define US     0x0a000002
#define THEM   0x0a000001
#define FRAMES 1000

static const struct mac our_mac = {{2, 0, 0, 0, 0, 2}};
static const struct mac their_mac = {{2, 0, 0, 0, 0, 1}};
static const struct mac third_mac = {{2, 0, 0, 0, 0, 3}};
static const struct mac no_mac;

static struct network net;
static struct arp *a;
static struct buf *sent[FRAMES];
static size_t sent_count;

static struct buf *silent[FRAMES];
static uint32_t silent_ip[FRAMES];
static size_t silent_count;

static unsigned conflicts;
static struct mac conflict_with;

static void record_frame(struct network *n, struct buf *frame)
{
    (void)n;
    CHECK(sent_count < FRAMES);
    sent[sent_count++] = frame;
}

static const struct network_ops ops = {.write = record_frame};

static void on_silence(void *ctx, struct ip_address ip, struct buf *packet)
{
    CHECK(ctx == &silent_count && silent_count < FRAMES);
    silent_ip[silent_count] = ipv4_number(ip);
    silent[silent_count++] = packet;
}

static void on_conflict(void *ctx, struct ip_address ip, struct mac other)
{
    CHECK(ctx == &conflicts && ipv4_number(ip) == US);
    conflicts++;
    conflict_with = other;
}

static void forget_sent(void)
{
    while (sent_count > 0)
        buf_free(sent[--sent_count]);
}

/* Begins with an empty cache. Our network is 10.0.0.0/8. */
static void begin_at(uint32_t own, bool up)
{
    struct ethernet *e;

    if (buf_pages() == 0)
        CHECK(buf_reserve(TEST_PAGES) == OK);
    arp.level = LEVEL_ERROR;
    ahead = 0;
    conflicts = 0;
    net = (struct network){
        .ops = &ops, .mac = our_mac, .mtu = 1500, .up = up};
    CHECK(ethernet_connect(&net, &e) == OK);
    CHECK(arp_connect(e, &a) == OK);
    arp_on_silence(a, on_silence, &silent_count);
    arp_on_conflict(a, on_conflict, &conflicts);
    arp_set_address(a, ipv4_of_number(own), 8);
}

/* Begins with an address that was announced once. */
static void begin(void)
{
    begin_at(US, true);
    CHECK(sent_count == 1);
    forget_sent();
}

/* Advances the clock, and runs the timers that are due. */
static void pass(nanoseconds length)
{
    nanoseconds end = clock_now() + length;

    while (wheel_next(&a->wheel) <= end) {
        nanoseconds next = wheel_next(&a->wheel), now = clock_now();

        ahead += next > now ? next - now : 0;
        wheel_turn(&a->wheel, clock_now());
    }
    ahead += end > clock_now() ? end - clock_now() : 0;
    wheel_turn(&a->wheel, clock_now());
}

/* Lets all requests time out; then no page may be missing. */
static void end(void)
{
    arp_set_address(a, ipv4_of_number(0), 8);
    pass(3 * ARP_LOG_PERIOD_MAX); /* the longest timer is the log's */
    CHECK(wheel_next(&a->wheel) == FOREVER);
    forget_sent();
    while (silent_count > 0)
        buf_free(silent[--silent_count]);
    CHECK(buf_pages_free() == buf_pages());
    /* The object is not freed: its fibers never end. */
    net.up = false;
}

/* A frame with an ARP packet; a request is broadcast. */
static struct buf *frame_of(uint16_t operation, struct mac from,
                            uint32_t from_ip, uint32_t to_ip)
{
    struct buf *b = buf_new(0);
    uint8_t *p = buf_append(b, ETHERNET_HEADER + ARP_PACKET);

    memcpy(p, operation == ARP_REQUEST ? &arp_broadcast : &our_mac, 6);
    memcpy(p + 6, from.byte, 6);
    put_be16(p + 12, ETHERTYPE_ARP);
    p += ETHERNET_HEADER;
    memcpy(p, "\0\1\x08\0\6\4", 6);
    put_be16(p + 6, operation);
    memcpy(p + 8, from.byte, 6);
    put_be32(p + 14, from_ip);
    memcpy(p + 18, operation == ARP_REQUEST ? &no_mac : &our_mac, 6);
    put_be32(p + 24, to_ip);
    return b;
}

static void deliver(struct buf *frame)
{
    network_deliver(&net, &frame, 1);
}

static void receive(uint16_t operation, struct mac from, uint32_t from_ip,
                    uint32_t to_ip)
{
    deliver(frame_of(operation, from, from_ip, to_ip));
}

/* Is the sent frame i this ARP packet, byte for byte? */
static bool is_sent(size_t i, uint16_t operation, struct mac to,
                    uint32_t from_ip, struct mac target, uint32_t to_ip)
{
    uint8_t wanted[ETHERNET_HEADER + ARP_PACKET];
    uint8_t found[ETHERNET_HEADER + ARP_PACKET], *p = wanted;

    memcpy(p, to.byte, 6);
    memcpy(p + 6, our_mac.byte, 6);
    put_be16(p + 12, ETHERTYPE_ARP);
    p += ETHERNET_HEADER;
    memcpy(p, "\0\1\x08\0\6\4", 6);
    put_be16(p + 6, operation);
    memcpy(p + 8, our_mac.byte, 6);
    put_be32(p + 14, from_ip);
    memcpy(p + 18, target.byte, 6);
    put_be32(p + 24, to_ip);
    if (i >= sent_count || buf_length(sent[i]) != sizeof found)
        return false;
    buf_copy_out(sent[i], 0, found, sizeof found);
    return memcmp(found, wanted, sizeof found) == 0;
}

static bool is_request(size_t i, uint32_t ip)
{
    return is_sent(i, ARP_REQUEST, arp_broadcast, US, no_mac, ip);
}

static struct buf *packet_of(uint8_t tag)
{
    struct buf *b = buf_new(ETHERNET_HEADER);

    *buf_append(b, 1) = tag;
    return b;
}

static void write_to(uint32_t ip, uint8_t tag)
{
    arp_write(a, ipv4_of_number(ip), packet_of(tag));
}

/* Is the sent frame i the IPv4 packet with this tag, to that host? */
static bool is_packet(size_t i, struct mac to, uint8_t tag)
{
    const uint8_t *p = i < sent_count ? sent[i]->data : NULL;

    return p && sent[i]->len == ETHERNET_HEADER + 1 &&
           memcmp(p, to.byte, 6) == 0 && memcmp(p + 6, our_mac.byte, 6) == 0 &&
           get_be16(p + 12) == ETHERTYPE_IPV4 && p[ETHERNET_HEADER] == tag;
}

/* Is a packet to ip sent at once, to mac? */
static bool is_known(uint32_t ip, struct mac mac)
{
    bool known;

    forget_sent();
    write_to(ip, 77);
    known = sent_count == 1 && is_packet(0, mac, 77);
    forget_sent();
    return known;
}

TEST(a_request_for_our_address_is_answered)
{
    begin();
    receive(ARP_REQUEST, their_mac, THEM, US);
    CHECK(sent_count == 1);
    CHECK(is_sent(0, ARP_REPLY, their_mac, US, their_mac, THEM));
    /* A probe for it is answered, too: its sender must not use the address (RFC
     * 5227, 2.4). */
    receive(ARP_REQUEST, their_mac, THEM, US);
    receive(ARP_REQUEST, third_mac, 0, US);
    CHECK(sent_count == 3);
    CHECK(is_sent(2, ARP_REPLY, third_mac, US, third_mac, 0));
    end();
}

TEST(a_request_for_another_address_is_not_answered)
{
    static const uint32_t others[] = {THEM, US + 1, 0, 0xffffffff, 0x0a0000ff,
                                      US ^ 0x80000000};

    begin();
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        receive(ARP_REQUEST, their_mac, THEM, others[i]);
    receive(ARP_REPLY, their_mac, THEM, US);
    CHECK(sent_count == 0);
    arp_set_address(a, ipv4_of_number(0), 8);
    receive(ARP_REQUEST, their_mac, THEM, US);
    receive(ARP_REQUEST, their_mac, THEM, 0);
    CHECK(sent_count == 0);
    end();
}

TEST(a_padded_packet_and_one_in_pieces_are_answered)
{
    struct buf *b;

    begin();
    b = frame_of(ARP_REQUEST, their_mac, THEM, US);
    memset(buf_append(b, 18), 0xee, 18);
    deliver(b);
    CHECK(sent_count == 1);
    for (size_t first = 0; first <= ETHERNET_HEADER + ARP_PACKET; first++) {
        struct buf *rest = frame_of(ARP_REQUEST, their_mac, THEM, US);

        b = buf_new(0);
        memcpy(buf_append(b, first), rest->data, first);
        buf_trim(rest, first);
        b->next = rest;
        forget_sent();
        deliver(b);
        CHECK(is_sent(0, ARP_REPLY, their_mac, US, their_mac, THEM));
    }
    end();
}

TEST(malformed_packets_are_neither_answered_nor_cached)
{
    static const struct {
        size_t at;
        uint8_t value;
    } faults[] = {
        {7, 0}, /* no operation */
        {7, 3}, /* a question of RARP */
        {7, 8}, /* and of inverse ARP */
        {8, 3}, /* a multicast sender */
        {8, 0xff}, /* the same */
        {14, 0xe0}, /* a group */
        {14, 0xef}, /* the last of them */
        {14, 0xf0}, /* of class E */
        {14, 0xff} /* the same */
    };
    struct buf *b;

    begin();
    /* Hardware and protocol type, their lengths, the operation. */
    for (size_t bit = 0; bit < 64; bit++) {
        b = frame_of(ARP_REQUEST, their_mac, THEM, US);
        b->data[ETHERNET_HEADER + bit / 8] ^= (uint8_t)(1 << bit % 8);
        deliver(b);
        CHECK(sent_count == 0);
    }
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        b = frame_of(ARP_REQUEST, their_mac, THEM, US);
        b->data[ETHERNET_HEADER + faults[i].at] = faults[i].value;
        deliver(b);
        CHECK(sent_count == 0);
    }
    receive(ARP_REQUEST, no_mac, THEM, US);
    CHECK(sent_count == 0);
    for (size_t len = 0; len < ARP_PACKET; len++) {
        b = frame_of(ARP_REQUEST, their_mac, THEM, US);
        buf_cut(b, ETHERNET_HEADER + len);
        deliver(b);
        CHECK(sent_count == 0);
    }
    /* Our own packet, received again by a loop in the network. */
    receive(ARP_REQUEST, our_mac, THEM, US);
    CHECK(sent_count == 0);
    CHECK(!is_known(THEM, their_mac));
    end();
}

TEST(only_hosts_that_we_ask_or_that_ask_us_are_cached)
{
    begin();
    receive(ARP_REPLY, their_mac, THEM, US); /* without a request */
    receive(ARP_REQUEST, their_mac, THEM, US + 1); /* another is asked */
    receive(ARP_REQUEST, their_mac, THEM, THEM); /* an announcement */
    receive(ARP_REQUEST, third_mac, 0, US); /* a probe */
    CHECK(!is_known(THEM, their_mac));
    CHECK(arp_cache_find(&a->cache, 0) == NULL);
    receive(ARP_REPLY, their_mac, THEM, US); /* after a request */
    CHECK(sent_count == 1 && is_packet(0, their_mac, 77));
    CHECK(is_known(THEM, their_mac));
    receive(ARP_REQUEST, third_mac, US + 1, US);
    CHECK(is_known(US + 1, third_mac));
    end();
}

static const struct mac virtual_mac = {{0, 0, 0x5e, 0, 1, 7}};

/* RFC 9568, 8.1.2: a VRRP router replies with its virtual MAC address, in a
 * frame from its own. */
TEST(the_sender_in_the_packet_is_cached_and_not_that_of_the_frame)
{
    struct buf *b;

    begin();
    write_to(THEM, 1);
    b = frame_of(ARP_REPLY, virtual_mac, THEM, US);
    memcpy(b->data + 6, third_mac.byte, 6);
    forget_sent();
    deliver(b);
    CHECK(sent_count == 1 && is_packet(0, virtual_mac, 1));
    CHECK(is_known(THEM, virtual_mac));
    b = frame_of(ARP_REQUEST, virtual_mac, THEM + 10, US);
    memcpy(b->data + 6, third_mac.byte, 6);
    deliver(b);
    CHECK(sent_count == 1);
    CHECK(is_sent(0, ARP_REPLY, virtual_mac, US, virtual_mac, THEM + 10));
    /* A conflict does not depend on the sender of the frame (RFC 5227, 2.1.1
     * and 2.4). */
    b = frame_of(ARP_REPLY, virtual_mac, US, US);
    memcpy(b->data + 6, third_mac.byte, 6);
    forget_sent();
    deliver(b);
    CHECK(sent_count == 1 && is_request(0, US));
    end();
}

/* Counts requests to the old address in the sent frames from i on. */
static unsigned checks_from(size_t i)
{
    unsigned count = 0;

    for (; i < sent_count; i++)
        count += is_sent(i, ARP_REQUEST, their_mac, US, no_mac, THEM);
    return count;
}

TEST(the_new_address_of_a_known_host_is_used_within_a_second)
{
    static const struct {
        uint16_t operation;
        uint32_t to_ip;
    } news[] = {{ARP_REQUEST, THEM}, /* a gratuitous ARP */
                {ARP_REPLY, THEM}, /* the same as a reply */
                {ARP_REPLY, US}, /* an unsolicited reply */
                {ARP_REQUEST, US}, /* a question for us */
                {ARP_REQUEST, US + 1}, /* or for another */
                {ARP_REQUEST, 0}};

    for (size_t i = 0; i < sizeof news / sizeof *news; i++) {
        begin();
        receive(ARP_REQUEST, their_mac, THEM, US);
        CHECK(is_known(THEM, their_mac));
        receive(news[i].operation, third_mac, THEM, news[i].to_ip);
        CHECK(checks_from(0) == 1);
        CHECK(is_known(THEM, their_mac));
        pass(SECOND);
        CHECK(is_known(THEM, third_mac));
        end();
    }
}

TEST(a_known_host_that_answers_keeps_its_address)
{
    begin();
    receive(ARP_REQUEST, their_mac, THEM, US);
    for (int i = 0; i < 20; i++) {
        forget_sent();
        receive(ARP_REPLY, third_mac, THEM, US);
        pass(VERIFY_INTERVAL + MILLISECOND);
        CHECK(checks_from(0) >= 1);
        receive(ARP_REPLY, their_mac, THEM, US);
        CHECK(is_known(THEM, their_mac));
    }
    pass(2 * SECOND);
    CHECK(is_known(THEM, their_mac));
    end();
}

TEST(forged_claims_cause_few_requests_and_do_not_delay_a_true_one)
{
    begin();
    pass(ANNOUNCE_INTERVAL + SECOND);
    receive(ARP_REQUEST, their_mac, THEM, US);
    forget_sent();
    for (int i = 0; i < 500; i++) {
        receive(ARP_REPLY, third_mac, THEM, US);
        receive(ARP_REPLY, their_mac, THEM, US);
    }
    CHECK(checks_from(0) <= 2);
    CHECK(is_known(THEM, their_mac));
    /* The host fails, and a standby takes over. */
    receive(ARP_REQUEST, virtual_mac, THEM, THEM);
    pass(SECOND);
    CHECK(is_known(THEM, virtual_mac));
    end();
}

/* The first reply is verified when a second has another address. */
TEST(a_second_reply_does_not_replace_a_first_that_is_verified)
{
    begin();
    write_to(THEM, 1);
    receive(ARP_REPLY, their_mac, THEM, US);
    receive(ARP_REPLY, third_mac, THEM, US);
    CHECK(is_known(THEM, their_mac));
    receive(ARP_REPLY, third_mac, THEM, US);
    pass(2 * VERIFY_WAIT);
    receive(ARP_REPLY, their_mac, THEM, US);
    pass(2 * SECOND);
    CHECK(is_known(THEM, their_mac));
    end();
}

TEST(packets_are_queued_in_order_and_the_oldest_is_dropped_when_full)
{
    size_t before;

    begin();
    before = buf_pages_free();
    for (uint8_t i = 0; i < ARP_QUEUE + 4; i++)
        write_to(THEM, i);
    CHECK(sent_count == 1 && is_request(0, THEM));
    CHECK(buf_pages_free() == before - ARP_QUEUE - 1);
    forget_sent();
    receive(ARP_REPLY, their_mac, THEM, US);
    CHECK(sent_count == ARP_QUEUE && silent_count == 0);
    for (uint8_t i = 0; i < ARP_QUEUE; i++)
        CHECK(is_packet(i, their_mac, (uint8_t)(i + 4)));
    /* Packets are sent once. */
    receive(ARP_REPLY, their_mac, THEM, US);
    CHECK(sent_count == ARP_QUEUE);
    end();
}

TEST(an_announcement_of_the_requested_host_counts_as_its_reply)
{
    begin();
    write_to(THEM, 1);
    forget_sent();
    receive(ARP_REQUEST, their_mac, THEM, THEM);
    CHECK(sent_count == 1 && is_packet(0, their_mac, 1));
    end();
}

TEST(after_three_requests_without_a_reply_the_writer_is_told)
{
    begin();
    pass(ANNOUNCE_INTERVAL + SECOND);
    forget_sent();
    write_to(THEM, 1);
    write_to(THEM, 2);
    CHECK(sent_count == 1);
    pass(REQUEST_WAIT - 50 * MILLISECOND);
    CHECK(sent_count == 1);
    pass(100 * MILLISECOND);
    CHECK(sent_count == 2 && is_request(1, THEM));
    pass(REQUEST_WAIT);
    CHECK(sent_count == 3 && is_request(2, THEM) && silent_count == 0);
    pass(REQUEST_WAIT);
    CHECK(sent_count == 3 && silent_count == 2);
    CHECK(silent_ip[0] == THEM && silent_ip[1] == THEM);
    CHECK(silent[0]->data[0] == 1 && silent[1]->data[0] == 2);
    pass(100 * SECOND);
    CHECK(sent_count == 3 && silent_count == 2);
    /* The next packet causes new requests. */
    write_to(THEM, 3);
    CHECK(sent_count == 4 && is_request(3, THEM));
    receive(ARP_REPLY, their_mac, THEM, US);
    CHECK(sent_count == 5 && is_packet(4, their_mac, 3));
    end();
}

TEST(undelivered_packets_are_freed_when_no_callback_is_set)
{
    begin();
    arp_on_silence(a, NULL, NULL);
    for (uint8_t i = 0; i < 5; i++)
        write_to(THEM, i);
    pass(TRIES * REQUEST_WAIT + SECOND);
    CHECK(silent_count == 0);
    end();
}

static void write_elsewhere(void *ctx, struct ip_address ip,
                            struct buf *packet)
{
    on_silence(ctx, ip, packet);
    if (ipv4_number(ip) == THEM)
        write_to(US + 7, packet->data[0]);
}

TEST(the_silence_callback_may_write_to_another_host)
{
    begin();
    arp_on_silence(a, write_elsewhere, &silent_count);
    for (uint8_t i = 0; i < 3; i++)
        write_to(THEM, i);
    pass(TRIES * REQUEST_WAIT + 100 * MILLISECOND);
    CHECK(silent_count == 3);
    for (size_t i = 0; i < silent_count; i++)
        CHECK(silent_ip[i] == THEM && silent[i]->data[0] == i);
    forget_sent();
    receive(ARP_REPLY, third_mac, US + 7, US);
    CHECK(sent_count == 3);
    for (uint8_t i = 0; i < 3; i++)
        CHECK(is_packet(i, third_mac, i));
    end();
}

TEST(an_entry_of_a_minute_is_refreshed_and_used_meanwhile)
{
    begin();
    receive(ARP_REQUEST, their_mac, THEM, US);
    pass(FRESH - SECOND);
    CHECK(is_known(THEM, their_mac));
    pass(2 * SECOND);
    forget_sent();
    write_to(THEM, 1);
    CHECK(sent_count == 2);
    CHECK(is_sent(0, ARP_REQUEST, their_mac, US, no_mac, THEM));
    CHECK(is_packet(1, their_mac, 1));
    /* One request is enough; its reply ends the refresh. */
    CHECK(is_known(THEM, their_mac));
    receive(ARP_REPLY, their_mac, THEM, US);
    forget_sent();
    pass(10 * SECOND);
    CHECK(sent_count == 0 && is_known(THEM, their_mac));
    /* Without a reply the entry is removed. */
    pass(FRESH);
    write_to(THEM, 2);
    pass(TRIES * REQUEST_WAIT + 100 * MILLISECOND);
    CHECK(sent_count == TRIES + 1 && silent_count == 0);
    CHECK(is_packet(1, their_mac, 2));
    CHECK(is_sent(TRIES, ARP_REQUEST, their_mac, US, no_mac, THEM));
    CHECK(!is_known(THEM, their_mac));
    end();
}

static const struct mac many_mac = {{2, 0, 0, 0, 9, 9}};

TEST(a_full_cache_evicts_the_least_recently_used_host)
{
    begin();
    for (uint32_t i = 0; i < ARP_ENTRIES; i++)
        receive(ARP_REQUEST, many_mac, 0x0a010000 + i, US);
    CHECK(sent_count == ARP_ENTRIES);
    CHECK(is_known(0x0a010000, many_mac)); /* used: the next is the oldest */
    receive(ARP_REQUEST, many_mac, 0x0a020000, US);
    CHECK(arp_cache_find(&a->cache, 0x0a010000));
    CHECK(arp_cache_find(&a->cache, 0x0a020000));
    CHECK(!arp_cache_find(&a->cache, 0x0a010001));
    CHECK(arp_cache_find(&a->cache, 0x0a010002));
    /* After a minute without use the host is evicted like any other. */
    pass(IN_USE + SECOND);
    for (uint32_t i = 0; i < 3 * ARP_ENTRIES; i++) {
        forget_sent();
        receive(ARP_REQUEST, many_mac, 0x0a030000 + i, US);
    }
    for (uint32_t i = 0; i < 3 * ARP_ENTRIES; i++)
        CHECK((arp_cache_find(&a->cache, 0x0a030000 + i) != NULL) ==
              (i >= 2 * ARP_ENTRIES));
    end();
}

static void flood(uint32_t from, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        receive(ARP_REQUEST, many_mac, from + i, US);
        /* Each is answered, cached or not. */
        CHECK(sent_count > 0 && is_sent(sent_count - 1, ARP_REPLY, many_mac, US,
                                        many_mac, from + i));
        forget_sent();
    }
}

TEST(forged_requests_evict_no_host_in_use_and_no_queued_packet)
{
    begin();
    for (uint32_t i = 0; i < 100; i++) {
        receive(ARP_REQUEST, their_mac, 0x0a020000 + i, US);
        CHECK(is_known(0x0a020000 + i, their_mac));
    }
    for (uint32_t i = 0; i < 50; i++)
        write_to(0x0a030000 + i, (uint8_t)i);
    forget_sent();
    flood(0x0a010001, 1000);
    CHECK(silent_count == 0);
    for (uint32_t i = 0; i < 100; i++)
        CHECK(is_known(0x0a020000 + i, their_mac));
    for (uint32_t i = 0; i < 50; i++) {
        forget_sent();
        receive(ARP_REPLY, third_mac, 0x0a030000 + i, US);
        CHECK(sent_count == 1 && is_packet(0, third_mac, (uint8_t)i));
    }
    end();
}

TEST(when_all_entries_are_in_use_a_sender_is_answered_and_not_cached)
{
    begin();
    for (uint32_t i = 0; i < ARP_ENTRIES; i++) {
        receive(ARP_REQUEST, their_mac, 0x0a020000 + i, US);
        CHECK(is_known(0x0a020000 + i, their_mac));
    }
    flood(0x0a010001, 300);
    for (uint32_t i = 0; i < 300; i++)
        CHECK(!arp_cache_find(&a->cache, 0x0a010001 + i));
    for (uint32_t i = 0; i < ARP_ENTRIES; i++)
        CHECK(arp_cache_find(&a->cache, 0x0a020000 + i));
    end();
}

/* Writes an IPv4 packet to ip, by the router at next. */
static void write_through(uint32_t next, uint32_t ip)
{
    struct buf *b = buf_new(ETHERNET_HEADER);

    memset(buf_append(b, 20), 0, 20);
    put_be32(b->data + 16, ip);
    arp_write(a, ipv4_of_number(next), b);
}

TEST(a_router_is_not_evicted_for_other_hosts)
{
    begin();
    receive(ARP_REQUEST, their_mac, THEM, US);
    write_through(THEM, 0x08080808);
    /* Hosts that exist and are used, and hosts that do not exist. */
    for (uint32_t i = 0; i < 3 * ARP_ENTRIES; i++) {
        receive(ARP_REQUEST, many_mac, 0x0a020000 + i, US);
        write_to(0x0a020000 + i, 0);
        write_to(0x0a030000 + i, 0);
        forget_sent();
        while (silent_count > 0)
            buf_free(silent[--silent_count]);
    }
    CHECK(is_known(THEM, their_mac));
    /* A queued packet is not dropped, either. */
    write_through(THEM + 2, 0x08080808);
    for (uint32_t i = 0; i < 3 * ARP_ENTRIES; i++) {
        write_to(0x0a040000 + i, 0);
        forget_sent();
        while (silent_count > 0) {
            CHECK(silent_ip[silent_count - 1] != THEM + 2);
            buf_free(silent[--silent_count]);
        }
    }
    receive(ARP_REPLY, third_mac, THEM + 2, US);
    CHECK(sent_count == 1 && sent[0]->len == ETHERNET_HEADER + 20);
    end();
}

TEST(senders_outside_our_network_are_answered_and_not_cached)
{
    static const uint32_t others[] = {0x0a000101, 0x0a010002, 0xc0a80001,
                                      0x7f000001, 0x01010101, 0x0a000000,
                                      0x0a0000ff};

    begin();
    arp_set_address(a, ipv4_of_number(US), 24);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        forget_sent();
        receive(ARP_REQUEST, third_mac, others[i], US);
        CHECK(sent_count == 1);
        CHECK(is_sent(0, ARP_REPLY, third_mac, US, third_mac, others[i]));
        CHECK(!arp_cache_find(&a->cache, others[i]));
    }
    receive(ARP_REQUEST, third_mac, 0x0a0000fe, US);
    CHECK(arp_cache_find(&a->cache, 0x0a0000fe));
    /* A gateway outside it that we asked for is cached. */
    arp_set_address(a, ipv4_of_number(US), 32);
    write_to(0xc0a80001, 1);
    receive(ARP_REPLY, third_mac, 0xc0a80001, US);
    CHECK(is_known(0xc0a80001, third_mac));
    receive(ARP_REQUEST, third_mac, THEM, US);
    CHECK(!arp_cache_find(&a->cache, THEM));
    /* On a point-to-point link (RFC 3021) both hosts are neighbours. */
    arp_set_address(a, ipv4_of_number(US), 31);
    receive(ARP_REQUEST, third_mac, US + 1, US);
    CHECK(arp_cache_find(&a->cache, US + 1));
    end();
}

size_t log_end(void); /* core/log.h: bytes that were ever logged */

TEST(repeated_log_lines_are_only_counted)
{
    size_t began, first, end_of_flood;

    begin();
    pass(ANNOUNCE_INTERVAL + SECOND);
    began = log_end();
    receive(ARP_REQUEST, their_mac, THEM, US);
    first = log_end() - began; /* an update and an answer */
    CHECK(first > 60);
    for (int i = 0; i < 265; i++) {
        receive(ARP_REQUEST, their_mac, THEM, US);
        receive(ARP_REQUEST, many_mac, 0x0a010000 + (uint32_t)i, US);
        receive(ARP_REPLY, third_mac, THEM, US);
        receive(ARP_REPLY, third_mac, US, US);
        receive(ARP_REPLY, their_mac, THEM, US);
        write_to(0x0a020000 + (uint32_t)i % 100, 0);
        forget_sent();
        while (silent_count > 0)
            buf_free(silent[--silent_count]);
    }
    end_of_flood = log_end();
    CHECK(end_of_flood - began < LOG_RING / 4);
    /* The number of lines left out is logged, once for each kind. */
    pass(ARP_LOG_PERIOD + SECOND);
    CHECK(log_end() > end_of_flood);
    CHECK(log_end() - end_of_flood < ARP_LINE_KINDS * 100);
    CHECK(a->log.lines[ARP_LINE_ANSWER].left_out == 0);
    /* After a period without any, lines are logged again. */
    pass(10 * ARP_LOG_PERIOD);
    CHECK(a->log.lines[ARP_LINE_ANSWER].period == ARP_LOG_PERIOD);
    began = log_end();
    receive(ARP_REQUEST, their_mac, THEM, US);
    CHECK(log_end() > began);
    end();
}

TEST(log_lines_for_a_day_leave_room_for_others)
{
    size_t began;

    begin();
    began = log_end();
    for (int i = 0; i < 24 * 3600; i++) {
        receive(ARP_REQUEST, their_mac, THEM, US);
        receive(ARP_REPLY, third_mac, US, US);
        forget_sent();
        pass(SECOND);
    }
    CHECK(log_end() - began < LOG_RING / 2);
    end();
}

TEST(too_many_incomplete_entries_evict_the_oldest_and_tell_its_writer)
{
    begin();
    for (uint32_t i = 0; i < ARP_ENTRIES + 40; i++)
        write_to(0x0a010000 + i, (uint8_t)i);
    CHECK(silent_count == 40);
    for (uint32_t i = 0; i < 40 && i < silent_count; i++)
        CHECK(silent_ip[i] == 0x0a010000 + i && silent[i]->data[0] == i);
    forget_sent();
    end();
}

TEST(an_address_is_announced_at_once_and_two_seconds_later)
{
    begin_at(US, true);
    CHECK(sent_count == 1 && is_request(0, US));
    pass(ANNOUNCE_INTERVAL - 50 * MILLISECOND);
    CHECK(sent_count == 1);
    pass(100 * MILLISECOND);
    CHECK(sent_count == 2 && is_request(1, US));
    pass(100 * SECOND);
    CHECK(sent_count == 2);
    /* Of two addresses only the latter is announced. */
    arp_set_address(a, ipv4_of_number(US + 1), 8);
    arp_set_address(a, ipv4_of_number(US + 2), 8);
    forget_sent();
    pass(2 * ANNOUNCE_INTERVAL);
    CHECK(sent_count == 1);
    CHECK(is_sent(0, ARP_REQUEST, arp_broadcast, US + 2, no_mac, US + 2));
    arp_set_address(a, ipv4_of_number(US), 8);
    arp_set_address(a, ipv4_of_number(0), 8);
    forget_sent();
    pass(2 * ANNOUNCE_INTERVAL);
    CHECK(sent_count == 0);
    end();
}

static void set_link(bool up)
{
    net.up = up;
    wake_all(&net.changed);
    CHECK(fiber_yield() == OK);
}

TEST(an_address_is_announced_whenever_the_link_comes_up)
{
    begin_at(US, false);
    CHECK(fiber_yield() == OK);
    CHECK(sent_count == 0);
    set_link(true);
    CHECK(sent_count == 1 && is_request(0, US));
    set_link(true);
    set_link(false);
    CHECK(sent_count == 1);
    set_link(true);
    CHECK(sent_count == 2 && is_request(1, US));
    arp_set_address(a, ipv4_of_number(0), 8);
    set_link(false);
    set_link(true);
    CHECK(sent_count == 2);
    end();
}

TEST(our_address_is_defended_once_in_ten_seconds)
{
    begin();
    pass(ANNOUNCE_INTERVAL + SECOND);
    forget_sent();
    receive(ARP_REPLY, their_mac, US, US);
    CHECK(sent_count == 1 && is_request(0, US) && conflicts == 0);
    receive(ARP_REQUEST, third_mac, US, US);
    CHECK(sent_count == 1 && conflicts == 1);
    CHECK(mac_equal(conflict_with, third_mac));
    pass(DEFEND_INTERVAL - SECOND);
    receive(ARP_REQUEST, their_mac, US, THEM);
    CHECK(sent_count == 1 && conflicts == 2);
    CHECK(mac_equal(conflict_with, their_mac));
    pass(SECOND);
    receive(ARP_REQUEST, their_mac, US, THEM);
    CHECK(sent_count == 2 && is_request(1, US) && conflicts == 2);
    /* A host that uses our address is not cached. */
    CHECK(arp_cache_find(&a->cache, US) == NULL);
    /* A new address has not been defended yet. */
    arp_set_address(a, ipv4_of_number(US), 8);
    forget_sent();
    receive(ARP_REPLY, their_mac, US, US);
    CHECK(sent_count == 1 && conflicts == 2);
    end();
}

TEST(a_conflict_without_a_callback_is_ignored)
{
    begin();
    arp_on_conflict(a, NULL, NULL);
    for (int i = 0; i < 3; i++)
        receive(ARP_REPLY, their_mac, US, US);
    CHECK(sent_count == 1 && conflicts == 0);
    end();
}

static enum status probe_result;
static nanoseconds probe_deadline;

static void probe(void *ctx)
{
    probe_result = arp_probe(ctx, ipv4_of_number(US), probe_deadline);
}

static struct fiber *start_probe(nanoseconds length)
{
    struct fiber *f;

    probe_deadline = clock_after(length);
    CHECK(fiber_spawn(NULL, probe, a, &f) == OK);
    CHECK(fiber_yield() == OK);
    return f;
}

TEST(an_unanswered_probe_sends_three_requests_without_a_sender_address)
{
    nanoseconds began;

    begin_at(0, true);
    began = time_now();
    CHECK(arp_probe(a, ipv4_of_number(US), FOREVER) == OK);
    CHECK(time_now() - began >= PROBE_NUM * PROBE_WAIT + ANNOUNCE_WAIT);
    CHECK(sent_count == PROBE_NUM);
    for (size_t i = 0; i < PROBE_NUM; i++)
        CHECK(is_sent(i, ARP_REQUEST, arp_broadcast, 0, no_mac, US));
    /* The probe has ended: the same packet is no conflict any more. */
    receive(ARP_REPLY, their_mac, US, US);
    end();
}

TEST(a_probe_detects_a_host_that_has_or_probes_the_address)
{
    static const struct {
        uint16_t operation;
        uint32_t from_ip, to_ip;
        bool conflict;
    } cases[] = {
        {ARP_REPLY, US, 0, true}, /* the answer */
        {ARP_REQUEST, US, THEM, true}, /* it asks for another */
        {ARP_REQUEST, US, US, true}, /* it announces itself */
        {ARP_REQUEST, 0, US, true}, /* it probes at the same time */
        {ARP_REQUEST, THEM, US, false}, /* a request for it */
        {ARP_REPLY, THEM, US, false},
        {ARP_REQUEST, 0, THEM, false}, /* probes for another */
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fiber *f;

        begin_at(0, true);
        f = start_probe(20 * MILLISECOND);
        CHECK(sent_count == 1);
        receive(cases[i].operation, their_mac, cases[i].from_ip,
                cases[i].to_ip);
        /* Our own probe, received again, is no conflict. */
        receive(ARP_REQUEST, our_mac, 0, US);
        CHECK(fiber_join(f, FOREVER) == OK);
        CHECK(probe_result == (cases[i].conflict ? ERR_IN_USE : ERR_TIMEOUT));
        CHECK(sent_count == 1 && conflicts == 0);
        end();
    }
}

/* RFC 5227, 2.1.1: any ARP packet with that sender counts, whatever the sender
 * of the frame, such as the reply of a VRRP router. */
TEST(a_probe_detects_a_virtual_router_that_has_the_address)
{
    struct fiber *f;
    struct buf *b = NULL;

    begin_at(0, true);
    f = start_probe(20 * MILLISECOND);
    b = frame_of(ARP_REPLY, virtual_mac, US, 0);
    memcpy(b->data + 6, third_mac.byte, 6);
    deliver(b);
    CHECK(fiber_join(f, FOREVER) == OK && probe_result == ERR_IN_USE);
    end();
}

static void start_and_use(void *ctx)
{
    probe_result = arp_probe_start(ctx, ipv4_of_number(US), FOREVER);
    if (probe_result != OK)
        return;
    arp_set_address(ctx, ipv4_of_number(US), 8);
    probe_result = arp_probe_finish(ctx, FOREVER);
}

TEST(an_address_can_be_used_20_ms_after_its_first_probe)
{
    struct fiber *f;

    begin_at(0, true);
    CHECK(fiber_spawn(NULL, start_and_use, a, &f) == OK);
    CHECK(time_sleep(PROBE_FIRST - MILLISECOND) == OK);
    CHECK(sent_count == 1 && a->own == 0);
    CHECK(time_sleep(2 * MILLISECOND) == OK);
    CHECK(a->own == US);
    /* It is not announced yet, but requests for it are answered. */
    CHECK(sent_count == 1);
    receive(ARP_REQUEST, their_mac, THEM, US);
    CHECK(sent_count == 2 && is_sent(1, ARP_REPLY, their_mac, US, their_mac,
                                     THEM));
    CHECK(fiber_join(f, FOREVER) == OK && probe_result == OK);
    CHECK(sent_count == 2 + PROBE_NUM && is_request(1 + PROBE_NUM, US));
    for (size_t i = 2; i < 1 + PROBE_NUM; i++)
        CHECK(is_sent(i, ARP_REQUEST, arp_broadcast, 0, no_mac, US));
    /* The probe has ended: from now on the address is defended. */
    receive(ARP_REPLY, third_mac, US, US);
    CHECK(sent_count == 3 + PROBE_NUM && conflicts == 0);
    end();
}

TEST(an_address_in_use_is_not_defended_or_announced_while_it_is_probed)
{
    struct fiber *f;

    begin_at(0, true);
    CHECK(fiber_spawn(NULL, start_and_use, a, &f) == OK);
    CHECK(time_sleep(2 * PROBE_FIRST) == OK && a->own == US);
    receive(ARP_REPLY, third_mac, US, 0);
    CHECK(fiber_join(f, FOREVER) == OK && probe_result == ERR_IN_USE);
    CHECK(sent_count == 1 && conflicts == 0);
    end();
}

TEST(requests_have_no_sender_address_while_ours_is_probed)
{
    struct fiber *f;

    begin_at(0, true);
    CHECK(fiber_spawn(NULL, start_and_use, a, &f) == OK);
    CHECK(time_sleep(2 * PROBE_FIRST) == OK && a->own == US);
    arp_write(a, ipv4_of_number(THEM), packet_of(1));
    CHECK(sent_count == 2 &&
          is_sent(1, ARP_REQUEST, arp_broadcast, 0, no_mac, THEM));
    /* The reply is to a sender without an address. */
    receive(ARP_REPLY, their_mac, THEM, 0);
    CHECK(sent_count == 3 && !arp_is_waiting(a));
    CHECK(fiber_join(f, FOREVER) == OK && probe_result == OK);
    forget_sent();
    arp_write(a, ipv4_of_number(THEM + 1), packet_of(1));
    CHECK(sent_count == 1 &&
          is_sent(0, ARP_REQUEST, arp_broadcast, US, no_mac, THEM + 1));
    end();
}

TEST(the_link_coming_up_does_not_announce_an_address_that_is_probed)
{
    struct fiber *f;

    begin_at(0, true);
    CHECK(fiber_spawn(NULL, start_and_use, a, &f) == OK);
    CHECK(time_sleep(2 * PROBE_FIRST) == OK && a->own == US);
    set_link(false);
    CHECK(fiber_yield() == OK);
    set_link(true);
    CHECK(fiber_yield() == OK);
    CHECK(sent_count == 1);
    CHECK(fiber_join(f, FOREVER) == OK && probe_result == OK);
    CHECK(is_request(sent_count - 1, US));
    end();
}

TEST(a_probe_waits_for_the_link_and_can_be_cancelled)
{
    struct fiber *f;

    begin_at(0, false);
    f = start_probe(10 * MILLISECOND);
    CHECK(fiber_join(f, FOREVER) == OK);
    CHECK(probe_result == ERR_TIMEOUT && sent_count == 0);
    f = start_probe(SECOND);
    CHECK(sent_count == 0);
    set_link(true);
    CHECK(fiber_yield() == OK);
    CHECK(sent_count == 1 &&
          is_sent(0, ARP_REQUEST, arp_broadcast, 0, no_mac, US));
    fiber_cancel(f);
    CHECK(fiber_join(f, FOREVER) == OK);
    CHECK(probe_result == ERR_CANCELLED);
    end();
}

TEST(a_request_that_gets_no_page_is_sent_later)
{
    static struct buf *pages[TEST_PAGES];
    struct buf *packet;
    size_t count = 0;

    begin();
    packet = packet_of(5);
    while (buf_pages_free() > 0)
        pages[count++] = buf_new(0);
    arp_write(a, ipv4_of_number(THEM), packet);
    CHECK(sent_count == 0);
    buf_free(pages[--count]);
    pass(REQUEST_WAIT + 50 * MILLISECOND);
    CHECK(sent_count == 1 && is_request(0, THEM));
    while (count > 0)
        buf_free(pages[--count]);
    receive(ARP_REPLY, their_mac, THEM, US);
    CHECK(sent_count == 2 && is_packet(1, their_mac, 5));
    end();
}

TEST(unanswered_requests_leave_half_of_the_cache_to_reachable_hosts)
{
    static const struct mac mac = {{2, 0, 0, 0, 9, 9}};

    begin();
    for (uint32_t i = 0; i < ARP_ENTRIES / 2; i++) {
        receive(ARP_REQUEST, mac, 0x0a010000 + i, US);
        CHECK(is_known(0x0a010000 + i, mac));
    }
    for (uint32_t i = 0; i < 3 * ARP_ENTRIES; i++) {
        forget_sent();
        write_to(0x0a020000 + i, 0);
        if (silent_count > 0)
            buf_free(silent[--silent_count]);
    }
    for (uint32_t i = 0; i < ARP_ENTRIES / 2; i++)
        CHECK(is_known(0x0a010000 + i, mac));
    end();
}

TEST(in_a_full_cache_half_may_wait_for_replies)
{
    static const struct mac mac = {{2, 0, 0, 0, 9, 9}};

    begin();
    for (uint32_t i = 0; i < ARP_ENTRIES; i++) {
        receive(ARP_REQUEST, mac, 0x0a010000 + i, US);
        write_to(0x0a010000 + i, 0);
        forget_sent();
    }
    for (uint32_t i = 0; i < ARP_ENTRIES / 2; i++) {
        write_to(0x0a020000 + i, 0);
        forget_sent();
    }
    CHECK(silent_count == 0); /* none was evicted */
    write_to(0x0a030000, 0);
    CHECK(silent_count == 1 && silent_ip[0] == 0x0a020000);
    end();
}

TEST(when_pages_are_scarce_one_packet_is_queued)
{
    struct buf *pages = NULL, *b;

    begin();
    while (buf_pages_free() > buf_pages() / 4 && (b = buf_new(0)) != NULL) {
        b->next = pages;
        pages = b;
    }
    write_to(THEM, 1);
    write_to(THEM, 2);
    write_to(THEM, 3);
    CHECK(arp_cache_find(&a->cache, THEM)->queue_len == 1);
    buf_free(pages);
    forget_sent();
    receive(ARP_REPLY, their_mac, THEM, US);
    CHECK(sent_count == 1 && is_packet(0, their_mac, 3));
    end();
}
