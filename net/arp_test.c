/* SPDX-License-Identifier: ISC */
#include "check.h"
#include <mirage/time.h>

/* The clock of what is tested is ours: it may jump. */
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

static void keep(struct network *n, struct buf *frame)
{
    (void)n;
    CHECK(sent_count < FRAMES);
    sent[sent_count++] = frame;
}

static const struct network_ops ops = {.write = keep};

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

/* Nobody has said anything yet, but the link may be down. Our network is
 * 10.0.0.0/8. */
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

/* We have an address, and have announced it once. */
static void begin(void)
{
    begin_at(US, true);
    CHECK(sent_count == 1);
    forget_sent();
}

/* Time goes by, and what is due then is done. */
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

/* Whatever still waits is given up; then no page is missing. */
static void end(void)
{
    arp_set_address(a, ipv4_of_number(0), 8);
    pass(3 * PERIOD_MAX); /* the longest timer is the log's */
    CHECK(wheel_next(&a->wheel) == FOREVER);
    forget_sent();
    while (silent_count > 0)
        buf_free(silent[--silent_count]);
    CHECK(buf_pages_free() == buf_pages());
    /* It is left behind: its fibers have no end. */
    net.up = false;
}

/* A frame with an ARP packet; a question is for all. */
static struct buf *frame_of(uint16_t operation, struct mac from,
                            uint32_t from_ip, uint32_t to_ip)
{
    struct buf *b = buf_new(0);
    uint8_t *p = buf_append(b, ETHERNET_HEADER + PACKET);

    memcpy(p, operation == REQUEST ? &everyone : &our_mac, 6);
    memcpy(p + 6, from.byte, 6);
    put_be16(p + 12, ETHERTYPE_ARP);
    p += ETHERNET_HEADER;
    memcpy(p, "\0\1\x08\0\6\4", 6);
    put_be16(p + 6, operation);
    memcpy(p + 8, from.byte, 6);
    put_be32(p + 14, from_ip);
    memcpy(p + 18, operation == REQUEST ? &no_mac : &our_mac, 6);
    put_be32(p + 24, to_ip);
    return b;
}

static void arrive(struct buf *frame)
{
    network_deliver(&net, &frame, 1);
}

static void come(uint16_t operation, struct mac from, uint32_t from_ip,
                 uint32_t to_ip)
{
    arrive(frame_of(operation, from, from_ip, to_ip));
}

/* Is frame i that was sent this ARP packet, in each of its bytes? */
static bool is_sent(size_t i, uint16_t operation, struct mac to,
                    uint32_t from_ip, struct mac target, uint32_t to_ip)
{
    uint8_t wanted[ETHERNET_HEADER + PACKET];
    uint8_t found[ETHERNET_HEADER + PACKET], *p = wanted;

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

static bool is_question(size_t i, uint32_t ip)
{
    return is_sent(i, REQUEST, everyone, US, no_mac, ip);
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

/* Is frame i that was sent the packet of this tag, for that host? */
static bool is_packet(size_t i, struct mac to, uint8_t tag)
{
    const uint8_t *p = i < sent_count ? sent[i]->data : NULL;

    return p && sent[i]->len == ETHERNET_HEADER + 1 &&
           memcmp(p, to.byte, 6) == 0 && memcmp(p + 6, our_mac.byte, 6) == 0 &&
           get_be16(p + 12) == ETHERTYPE_IPV4 && p[ETHERNET_HEADER] == tag;
}

/* A packet to ip leaves at once: its host's address is known. */
static bool is_known(uint32_t ip, struct mac mac)
{
    bool known;

    forget_sent();
    write_to(ip, 77);
    known = sent_count == 1 && is_packet(0, mac, 77);
    forget_sent();
    return known;
}

TEST(who_asks_for_our_address_is_answered)
{
    begin();
    come(REQUEST, their_mac, THEM, US);
    CHECK(sent_count == 1);
    CHECK(is_sent(0, REPLY, their_mac, US, their_mac, THEM));
    /* Again, and from somebody without an address: that is a probe, which must
     * not have it (RFC 5227, 2.4). */
    come(REQUEST, their_mac, THEM, US);
    come(REQUEST, third_mac, 0, US);
    CHECK(sent_count == 3);
    CHECK(is_sent(2, REPLY, third_mac, US, third_mac, 0));
    end();
}

TEST(who_asks_for_others_is_not_answered)
{
    static const uint32_t others[] = {THEM, US + 1, 0, 0xffffffff, 0x0a0000ff,
                                      US ^ 0x80000000};

    begin();
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        come(REQUEST, their_mac, THEM, others[i]);
    come(REPLY, their_mac, THEM, US);
    CHECK(sent_count == 0);
    arp_set_address(a, ipv4_of_number(0), 8);
    come(REQUEST, their_mac, THEM, US);
    come(REQUEST, their_mac, THEM, 0);
    CHECK(sent_count == 0);
    end();
}

TEST(padding_and_pieces_make_no_difference)
{
    struct buf *b;

    begin();
    b = frame_of(REQUEST, their_mac, THEM, US);
    memset(buf_append(b, 18), 0xee, 18);
    arrive(b);
    CHECK(sent_count == 1);
    for (size_t first = 0; first <= ETHERNET_HEADER + PACKET; first++) {
        struct buf *rest = frame_of(REQUEST, their_mac, THEM, US);

        b = buf_new(0);
        memcpy(buf_append(b, first), rest->data, first);
        buf_trim(rest, first);
        b->next = rest;
        forget_sent();
        arrive(b);
        CHECK(is_sent(0, REPLY, their_mac, US, their_mac, THEM));
    }
    end();
}

TEST(malformed_packets_are_neither_answered_nor_learned)
{
    static const struct {
        size_t at;
        uint8_t value;
    } lies[] = {
        {7, 0}, /* no operation */
        {7, 3}, /* a question of RARP */
        {7, 8}, /* and of inverse ARP */
        {8, 3}, /* a sender who is many */
        {8, 0xff}, /* the same */
        {14, 0xe0}, /* a group */
        {14, 0xef}, /* the last of them */
        {14, 0xf0}, /* nobody's */
        {14, 0xff} /* the same */
    };
    struct buf *b;

    begin();
    /* What it is about: Ethernet, IPv4, their lengths, the operation. */
    for (size_t bit = 0; bit < 64; bit++) {
        b = frame_of(REQUEST, their_mac, THEM, US);
        b->data[ETHERNET_HEADER + bit / 8] ^= (uint8_t)(1 << bit % 8);
        arrive(b);
        CHECK(sent_count == 0);
    }
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        b = frame_of(REQUEST, their_mac, THEM, US);
        b->data[ETHERNET_HEADER + lies[i].at] = lies[i].value;
        arrive(b);
        CHECK(sent_count == 0);
    }
    come(REQUEST, no_mac, THEM, US);
    CHECK(sent_count == 0);
    for (size_t len = 0; len < PACKET; len++) {
        b = frame_of(REQUEST, their_mac, THEM, US);
        buf_cut(b, ETHERNET_HEADER + len);
        arrive(b);
        CHECK(sent_count == 0);
    }
    /* Our own, come back by a loop in the network. */
    come(REQUEST, our_mac, THEM, US);
    CHECK(sent_count == 0);
    CHECK(!is_known(THEM, their_mac));
    end();
}

TEST(only_who_was_asked_or_asks_us_is_learned)
{
    begin();
    come(REPLY, their_mac, THEM, US); /* nobody had asked */
    come(REQUEST, their_mac, THEM, US + 1); /* another is asked */
    come(REQUEST, their_mac, THEM, THEM); /* an announcement */
    come(REQUEST, third_mac, 0, US); /* a probe */
    CHECK(!is_known(THEM, their_mac));
    CHECK(find(a, 0) == NULL);
    come(REPLY, their_mac, THEM, US); /* now somebody has */
    CHECK(sent_count == 1 && is_packet(0, their_mac, 77));
    CHECK(is_known(THEM, their_mac));
    come(REQUEST, third_mac, US + 1, US);
    CHECK(is_known(US + 1, third_mac));
    end();
}

static const struct mac virtual_mac = {{0, 0, 0x5e, 0, 1, 7}};

/* RFC 9568, 8.1.2: a VRRP router answers with its virtual address, in a frame
 * from its own. */
TEST(the_sender_in_the_packet_counts_and_not_that_of_the_frame)
{
    struct buf *b;

    begin();
    write_to(THEM, 1);
    b = frame_of(REPLY, virtual_mac, THEM, US);
    memcpy(b->data + 6, third_mac.byte, 6);
    forget_sent();
    arrive(b);
    CHECK(sent_count == 1 && is_packet(0, virtual_mac, 1));
    CHECK(is_known(THEM, virtual_mac));
    b = frame_of(REQUEST, virtual_mac, THEM + 10, US);
    memcpy(b->data + 6, third_mac.byte, 6);
    arrive(b);
    CHECK(sent_count == 1);
    CHECK(is_sent(0, REPLY, virtual_mac, US, virtual_mac, THEM + 10));
    /* A conflict is one, whoever brings it (RFC 5227, 2.1.1 and 2.4). */
    b = frame_of(REPLY, virtual_mac, US, US);
    memcpy(b->data + 6, third_mac.byte, 6);
    forget_sent();
    arrive(b);
    CHECK(sent_count == 1 && is_question(0, US));
    end();
}

/* How often their old address was asked, in frames from i on. */
static unsigned checks_from(size_t i)
{
    unsigned count = 0;

    for (; i < sent_count; i++)
        count += is_sent(i, REQUEST, their_mac, US, no_mac, THEM);
    return count;
}

TEST(a_known_host_that_moves_is_used_within_a_second)
{
    static const struct {
        uint16_t operation;
        uint32_t to_ip;
    } news[] = {{REQUEST, THEM}, /* a gratuitous ARP */
                {REPLY, THEM}, /* the same as a reply */
                {REPLY, US}, /* a reply that nobody asked for */
                {REQUEST, US}, /* a question for us */
                {REQUEST, US + 1}, /* or for another */
                {REQUEST, 0}};

    for (size_t i = 0; i < sizeof news / sizeof *news; i++) {
        begin();
        come(REQUEST, their_mac, THEM, US);
        CHECK(is_known(THEM, their_mac));
        come(news[i].operation, third_mac, THEM, news[i].to_ip);
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
    come(REQUEST, their_mac, THEM, US);
    for (int i = 0; i < 20; i++) {
        forget_sent();
        come(REPLY, third_mac, THEM, US);
        pass(CHECK_GAP + MILLISECOND);
        CHECK(checks_from(0) >= 1);
        come(REPLY, their_mac, THEM, US);
        CHECK(is_known(THEM, their_mac));
    }
    pass(2 * SECOND);
    CHECK(is_known(THEM, their_mac));
    end();
}

TEST(lies_about_a_known_host_cost_few_questions_and_do_not_delay_the_truth)
{
    begin();
    pass(ANNOUNCE + SECOND);
    come(REQUEST, their_mac, THEM, US);
    forget_sent();
    for (int i = 0; i < 500; i++) {
        come(REPLY, third_mac, THEM, US);
        come(REPLY, their_mac, THEM, US);
    }
    CHECK(checks_from(0) <= 2);
    CHECK(is_known(THEM, their_mac));
    /* Then it fails, and a standby takes over. */
    come(REQUEST, virtual_mac, THEM, THEM);
    pass(SECOND);
    CHECK(is_known(THEM, virtual_mac));
    end();
}

/* The first answer to a question is checked like all when another comes. */
TEST(a_second_answer_does_not_replace_a_first_that_holds)
{
    begin();
    write_to(THEM, 1);
    come(REPLY, their_mac, THEM, US);
    come(REPLY, third_mac, THEM, US);
    CHECK(is_known(THEM, their_mac));
    come(REPLY, third_mac, THEM, US);
    pass(2 * CHECK_WAIT);
    come(REPLY, their_mac, THEM, US);
    pass(2 * SECOND);
    CHECK(is_known(THEM, their_mac));
    end();
}

TEST(a_few_packets_wait_in_order_and_the_oldest_make_room)
{
    size_t before;

    begin();
    before = buf_pages_free();
    for (uint8_t i = 0; i < QUEUE + 4; i++)
        write_to(THEM, i);
    CHECK(sent_count == 1 && is_question(0, THEM));
    CHECK(buf_pages_free() == before - QUEUE - 1);
    forget_sent();
    come(REPLY, their_mac, THEM, US);
    CHECK(sent_count == QUEUE && silent_count == 0);
    for (uint8_t i = 0; i < QUEUE; i++)
        CHECK(is_packet(i, their_mac, (uint8_t)(i + 4)));
    /* They are sent once. */
    come(REPLY, their_mac, THEM, US);
    CHECK(sent_count == QUEUE);
    end();
}

TEST(an_announcement_of_who_was_asked_is_an_answer_too)
{
    begin();
    write_to(THEM, 1);
    forget_sent();
    come(REQUEST, their_mac, THEM, THEM);
    CHECK(sent_count == 1 && is_packet(0, their_mac, 1));
    end();
}

TEST(who_does_not_answer_is_asked_thrice_and_then_the_writer_is_told)
{
    begin();
    pass(ANNOUNCE + SECOND);
    forget_sent();
    write_to(THEM, 1);
    write_to(THEM, 2);
    CHECK(sent_count == 1);
    pass(ASK_AGAIN - 50 * MILLISECOND);
    CHECK(sent_count == 1);
    pass(100 * MILLISECOND);
    CHECK(sent_count == 2 && is_question(1, THEM));
    pass(ASK_AGAIN);
    CHECK(sent_count == 3 && is_question(2, THEM) && silent_count == 0);
    pass(ASK_AGAIN);
    CHECK(sent_count == 3 && silent_count == 2);
    CHECK(silent_ip[0] == THEM && silent_ip[1] == THEM);
    CHECK(silent[0]->data[0] == 1 && silent[1]->data[0] == 2);
    pass(100 * SECOND);
    CHECK(sent_count == 3 && silent_count == 2);
    /* The next packet begins anew. */
    write_to(THEM, 3);
    CHECK(sent_count == 4 && is_question(3, THEM));
    come(REPLY, their_mac, THEM, US);
    CHECK(sent_count == 5 && is_packet(4, their_mac, 3));
    end();
}

TEST(packets_that_nobody_wants_back_are_freed)
{
    begin();
    arp_on_silence(a, NULL, NULL);
    for (uint8_t i = 0; i < 5; i++)
        write_to(THEM, i);
    pass(TRIES * ASK_AGAIN + SECOND);
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

TEST(who_is_told_of_silence_may_write_to_another)
{
    begin();
    arp_on_silence(a, write_elsewhere, &silent_count);
    for (uint8_t i = 0; i < 3; i++)
        write_to(THEM, i);
    pass(TRIES * ASK_AGAIN + 100 * MILLISECOND);
    CHECK(silent_count == 3);
    for (size_t i = 0; i < silent_count; i++)
        CHECK(silent_ip[i] == THEM && silent[i]->data[0] == i);
    forget_sent();
    come(REPLY, third_mac, US + 7, US);
    CHECK(sent_count == 3);
    for (uint8_t i = 0; i < 3; i++)
        CHECK(is_packet(i, third_mac, i));
    end();
}

TEST(who_is_known_for_a_minute_is_asked_again_but_used_meanwhile)
{
    begin();
    come(REQUEST, their_mac, THEM, US);
    pass(FRESH - SECOND);
    CHECK(is_known(THEM, their_mac));
    pass(2 * SECOND);
    forget_sent();
    write_to(THEM, 1);
    CHECK(sent_count == 2);
    CHECK(is_sent(0, REQUEST, their_mac, US, no_mac, THEM));
    CHECK(is_packet(1, their_mac, 1));
    /* One question is enough, and its answer ends it. */
    CHECK(is_known(THEM, their_mac));
    come(REPLY, their_mac, THEM, US);
    forget_sent();
    pass(10 * SECOND);
    CHECK(sent_count == 0 && is_known(THEM, their_mac));
    /* Without an answer it is forgotten. */
    pass(FRESH);
    write_to(THEM, 2);
    pass(TRIES * ASK_AGAIN + 100 * MILLISECOND);
    CHECK(sent_count == TRIES + 1 && silent_count == 0);
    CHECK(is_packet(1, their_mac, 2));
    CHECK(is_sent(TRIES, REQUEST, their_mac, US, no_mac, THEM));
    CHECK(!is_known(THEM, their_mac));
    end();
}

static const struct mac many_mac = {{2, 0, 0, 0, 9, 9}};

TEST(the_cache_is_bounded_and_forgets_what_was_not_used_for_longest)
{
    begin();
    for (uint32_t i = 0; i < PLACES; i++)
        come(REQUEST, many_mac, 0x0a010000 + i, US);
    CHECK(sent_count == PLACES);
    CHECK(is_known(0x0a010000, many_mac)); /* used: the next is the oldest */
    come(REQUEST, many_mac, 0x0a020000, US);
    CHECK(find(a, 0x0a010000) && find(a, 0x0a020000));
    CHECK(!find(a, 0x0a010001));
    CHECK(find(a, 0x0a010002));
    /* Out of use after a minute, it is as any other. */
    pass(IN_USE + SECOND);
    for (uint32_t i = 0; i < 3 * PLACES; i++) {
        forget_sent();
        come(REQUEST, many_mac, 0x0a030000 + i, US);
    }
    for (uint32_t i = 0; i < 3 * PLACES; i++)
        CHECK((find(a, 0x0a030000 + i) != NULL) == (i >= 2 * PLACES));
    end();
}

static void flood(uint32_t from, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        come(REQUEST, many_mac, from + i, US);
        /* All are answered, learned or not. */
        CHECK(sent_count > 0 && is_sent(sent_count - 1, REPLY, many_mac, US,
                                        many_mac, from + i));
        forget_sent();
    }
}

TEST(forged_requests_evict_no_host_in_use_and_no_packet_that_waits)
{
    begin();
    for (uint32_t i = 0; i < 100; i++) {
        come(REQUEST, their_mac, 0x0a020000 + i, US);
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
        come(REPLY, third_mac, 0x0a030000 + i, US);
        CHECK(sent_count == 1 && is_packet(0, third_mac, (uint8_t)i));
    }
    end();
}

TEST(when_all_places_are_in_use_a_request_is_answered_and_not_learned)
{
    begin();
    for (uint32_t i = 0; i < PLACES; i++) {
        come(REQUEST, their_mac, 0x0a020000 + i, US);
        CHECK(is_known(0x0a020000 + i, their_mac));
    }
    flood(0x0a010001, 300);
    for (uint32_t i = 0; i < 300; i++)
        CHECK(!find(a, 0x0a010001 + i));
    for (uint32_t i = 0; i < PLACES; i++)
        CHECK(find(a, 0x0a020000 + i));
    end();
}

/* An IPv4 packet to ip, by way of the host at next. */
static void write_through(uint32_t next, uint32_t ip)
{
    struct buf *b = buf_new(ETHERNET_HEADER);

    memset(buf_append(b, 20), 0, 20);
    put_be32(b->data + 16, ip);
    arp_write(a, ipv4_of_number(next), b);
}

TEST(a_router_is_not_forgotten_for_other_hosts)
{
    begin();
    come(REQUEST, their_mac, THEM, US);
    write_through(THEM, 0x08080808);
    /* Hosts that exist, and are used, and hosts that do not. */
    for (uint32_t i = 0; i < 3 * PLACES; i++) {
        come(REQUEST, many_mac, 0x0a020000 + i, US);
        write_to(0x0a020000 + i, 0);
        write_to(0x0a030000 + i, 0);
        forget_sent();
        while (silent_count > 0)
            buf_free(silent[--silent_count]);
    }
    CHECK(is_known(THEM, their_mac));
    /* One that is still asked for keeps its packet, too. */
    write_through(THEM + 2, 0x08080808);
    for (uint32_t i = 0; i < 3 * PLACES; i++) {
        write_to(0x0a040000 + i, 0);
        forget_sent();
        while (silent_count > 0) {
            CHECK(silent_ip[silent_count - 1] != THEM + 2);
            buf_free(silent[--silent_count]);
        }
    }
    come(REPLY, third_mac, THEM + 2, US);
    CHECK(sent_count == 1 && sent[0]->len == ETHERNET_HEADER + 20);
    end();
}

TEST(senders_beyond_the_network_are_answered_and_not_learned)
{
    static const uint32_t others[] = {0x0a000101, 0x0a010002, 0xc0a80001,
                                      0x7f000001, 0x01010101, 0x0a000000,
                                      0x0a0000ff};

    begin();
    arp_set_address(a, ipv4_of_number(US), 24);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        forget_sent();
        come(REQUEST, third_mac, others[i], US);
        CHECK(sent_count == 1);
        CHECK(is_sent(0, REPLY, third_mac, US, third_mac, others[i]));
        CHECK(!find(a, others[i]));
    }
    come(REQUEST, third_mac, 0x0a0000fe, US);
    CHECK(find(a, 0x0a0000fe));
    /* A gateway beyond it that we asked for is. */
    arp_set_address(a, ipv4_of_number(US), 32);
    write_to(0xc0a80001, 1);
    come(REPLY, third_mac, 0xc0a80001, US);
    CHECK(is_known(0xc0a80001, third_mac));
    come(REQUEST, third_mac, THEM, US);
    CHECK(!find(a, THEM));
    /* Of two, each is the other's neighbour (RFC 3021). */
    arp_set_address(a, ipv4_of_number(US), 31);
    come(REQUEST, third_mac, US + 1, US);
    CHECK(find(a, US + 1));
    end();
}

size_t log_end(void); /* core/log.h: bytes that were ever logged */

TEST(repeated_lines_are_counted_and_not_repeated)
{
    size_t began, first, end_of_flood;

    begin();
    pass(ANNOUNCE + SECOND);
    began = log_end();
    come(REQUEST, their_mac, THEM, US);
    first = log_end() - began; /* an update and an answer */
    CHECK(first > 60);
    for (int i = 0; i < 265; i++) {
        come(REQUEST, their_mac, THEM, US);
        come(REQUEST, many_mac, 0x0a010000 + (uint32_t)i, US);
        come(REPLY, third_mac, THEM, US);
        come(REPLY, third_mac, US, US);
        come(REPLY, their_mac, THEM, US);
        write_to(0x0a020000 + (uint32_t)i % 100, 0);
        forget_sent();
        while (silent_count > 0)
            buf_free(silent[--silent_count]);
    }
    end_of_flood = log_end();
    CHECK(end_of_flood - began < LOG_RING / 4);
    /* What was left out is told, once for each kind. */
    pass(PERIOD + SECOND);
    CHECK(log_end() > end_of_flood);
    CHECK(log_end() - end_of_flood < LINE_KINDS * 100);
    CHECK(a->lines[LINE_ANSWER].left_out == 0);
    /* After a while without them they are logged again. */
    pass(10 * PERIOD);
    began = log_end();
    come(REQUEST, their_mac, THEM, US);
    CHECK(log_end() > began);
    end();
}

TEST(lines_that_go_on_for_a_day_leave_room_in_the_log)
{
    size_t began;

    begin();
    began = log_end();
    for (int i = 0; i < 24 * 3600; i++) {
        come(REQUEST, their_mac, THEM, US);
        come(REPLY, third_mac, US, US);
        forget_sent();
        pass(SECOND);
    }
    CHECK(log_end() - began < LOG_RING / 2);
    end();
}

TEST(too_many_questions_end_the_oldest_and_their_writers_are_told)
{
    begin();
    for (uint32_t i = 0; i < PLACES + 40; i++)
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
    CHECK(sent_count == 1 && is_question(0, US));
    pass(ANNOUNCE - 50 * MILLISECOND);
    CHECK(sent_count == 1);
    pass(100 * MILLISECOND);
    CHECK(sent_count == 2 && is_question(1, US));
    pass(100 * SECOND);
    CHECK(sent_count == 2);
    /* Of two addresses the latter. */
    arp_set_address(a, ipv4_of_number(US + 1), 8);
    arp_set_address(a, ipv4_of_number(US + 2), 8);
    forget_sent();
    pass(2 * ANNOUNCE);
    CHECK(sent_count == 1);
    CHECK(is_sent(0, REQUEST, everyone, US + 2, no_mac, US + 2));
    arp_set_address(a, ipv4_of_number(US), 8);
    arp_set_address(a, ipv4_of_number(0), 8);
    forget_sent();
    pass(2 * ANNOUNCE);
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
    CHECK(sent_count == 1 && is_question(0, US));
    set_link(true);
    set_link(false);
    CHECK(sent_count == 1);
    set_link(true);
    CHECK(sent_count == 2 && is_question(1, US));
    arp_set_address(a, ipv4_of_number(0), 8);
    set_link(false);
    set_link(true);
    CHECK(sent_count == 2);
    end();
}

TEST(our_address_is_defended_once_in_ten_seconds)
{
    begin();
    pass(ANNOUNCE + SECOND);
    forget_sent();
    come(REPLY, their_mac, US, US);
    CHECK(sent_count == 1 && is_question(0, US) && conflicts == 0);
    come(REQUEST, third_mac, US, US);
    CHECK(sent_count == 1 && conflicts == 1);
    CHECK(mac_equal(conflict_with, third_mac));
    pass(DEFEND - SECOND);
    come(REQUEST, their_mac, US, THEM);
    CHECK(sent_count == 1 && conflicts == 2);
    CHECK(mac_equal(conflict_with, their_mac));
    pass(SECOND);
    come(REQUEST, their_mac, US, THEM);
    CHECK(sent_count == 2 && is_question(1, US) && conflicts == 2);
    /* Who says that it is us is not in the cache. */
    CHECK(find(a, US) == NULL);
    /* And a new address was not attacked yet. */
    arp_set_address(a, ipv4_of_number(US), 8);
    forget_sent();
    come(REPLY, their_mac, US, US);
    CHECK(sent_count == 1 && conflicts == 2);
    end();
}

TEST(a_conflict_without_a_listener_is_nothing)
{
    begin();
    arp_on_conflict(a, NULL, NULL);
    for (int i = 0; i < 3; i++)
        come(REPLY, their_mac, US, US);
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

TEST(a_probe_that_nobody_answers_asks_thrice_without_an_address)
{
    nanoseconds began;

    begin_at(0, true);
    began = time_now();
    CHECK(arp_probe(a, ipv4_of_number(US), FOREVER) == OK);
    CHECK(time_now() - began >= PROBES * PROBE_WAIT + LAST_WAIT);
    CHECK(sent_count == PROBES);
    for (size_t i = 0; i < PROBES; i++)
        CHECK(is_sent(i, REQUEST, everyone, 0, no_mac, US));
    /* It is over: the same packet is no conflict any more. */
    come(REPLY, their_mac, US, US);
    end();
}

TEST(a_probe_finds_who_has_the_address_or_probes_for_it_too)
{
    static const struct {
        uint16_t operation;
        uint32_t from_ip, to_ip;
        bool conflict;
    } cases[] = {
        {REPLY, US, 0, true}, /* the answer */
        {REQUEST, US, THEM, true}, /* it asks for another */
        {REQUEST, US, US, true}, /* it announces itself */
        {REQUEST, 0, US, true}, /* it probes at the same time */
        {REQUEST, THEM, US, false}, /* it looks for whoever has it */
        {REPLY, THEM, US, false},
        {REQUEST, 0, THEM, false}, /* probes for another */
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fiber *f;

        begin_at(0, true);
        f = start_probe(20 * MILLISECOND);
        CHECK(sent_count == 1);
        come(cases[i].operation, their_mac, cases[i].from_ip,
             cases[i].to_ip);
        /* Our own probe that comes back is none. */
        come(REQUEST, our_mac, 0, US);
        CHECK(fiber_join(f, FOREVER) == OK);
        CHECK(probe_result == (cases[i].conflict ? ERR_IN_USE : ERR_TIMEOUT));
        CHECK(sent_count == 1 && conflicts == 0);
        end();
    }
}

/* RFC 5227, 2.1.1: any ARP packet with that sender, whoever the frame is from,
 * such as the answer of a VRRP router. */
TEST(a_probe_finds_a_virtual_router_that_has_the_address)
{
    struct fiber *f;
    struct buf *b = NULL;

    begin_at(0, true);
    f = start_probe(20 * MILLISECOND);
    b = frame_of(REPLY, virtual_mac, US, 0);
    memcpy(b->data + 6, third_mac.byte, 6);
    arrive(b);
    CHECK(fiber_join(f, FOREVER) == OK && probe_result == ERR_IN_USE);
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
    CHECK(sent_count == 1 && is_sent(0, REQUEST, everyone, 0, no_mac, US));
    fiber_cancel(f);
    CHECK(fiber_join(f, FOREVER) == OK);
    CHECK(probe_result == ERR_CANCELLED);
    end();
}

TEST(an_empty_pool_sends_no_question_but_asks_again)
{
    static struct buf *taken[TEST_PAGES];
    struct buf *packet;
    size_t count = 0;

    begin();
    packet = packet_of(5);
    while (buf_pages_free() > 0)
        taken[count++] = buf_new(0);
    arp_write(a, ipv4_of_number(THEM), packet);
    CHECK(sent_count == 0);
    buf_free(taken[--count]);
    pass(ASK_AGAIN + 50 * MILLISECOND);
    CHECK(sent_count == 1 && is_question(0, THEM));
    while (count > 0)
        buf_free(taken[--count]);
    come(REPLY, their_mac, THEM, US);
    CHECK(sent_count == 2 && is_packet(1, their_mac, 5));
    end();
}

TEST(questions_that_nobody_answers_leave_half_of_the_places_to_who_is_there)
{
    static const struct mac mac = {{2, 0, 0, 0, 9, 9}};

    begin();
    for (uint32_t i = 0; i < PLACES / 2; i++) {
        come(REQUEST, mac, 0x0a010000 + i, US);
        CHECK(is_known(0x0a010000 + i, mac));
    }
    for (uint32_t i = 0; i < 3 * PLACES; i++) {
        forget_sent();
        write_to(0x0a020000 + i, 0);
        if (silent_count > 0)
            buf_free(silent[--silent_count]);
    }
    for (uint32_t i = 0; i < PLACES / 2; i++)
        CHECK(is_known(0x0a010000 + i, mac));
    end();
}

TEST(when_pages_are_scarce_one_packet_waits_for_an_answer)
{
    struct buf *taken = NULL, *b;

    begin();
    while (buf_pages_free() > buf_pages() / 4 && (b = buf_new(0)) != NULL) {
        b->next = taken;
        taken = b;
    }
    write_to(THEM, 1);
    write_to(THEM, 2);
    write_to(THEM, 3);
    CHECK(find(a, THEM)->waiting_count == 1);
    buf_free(taken);
    forget_sent();
    come(REPLY, their_mac, THEM, US);
    CHECK(sent_count == 1 && is_packet(0, their_mac, 3));
    end();
}
