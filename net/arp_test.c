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
static struct arp    *a;
static struct buf    *sent[FRAMES];
static size_t         sent_count;

static frames_handler *heard;
static void           *heard_ctx;

static struct buf *silent[FRAMES];
static uint32_t    silent_ip[FRAMES];
static size_t      silent_count;

static unsigned   conflicts;
static struct mac conflict_with;

static void keep(struct network *n, struct buf *frame)
{
    (void)n;
    CHECK(sent_count < FRAMES);
    sent[sent_count++] = frame;
}

static void listen_to(struct network *n, frames_handler *fn, void *ctx)
{
    (void)n;
    heard = fn;
    heard_ctx = ctx;
}

static const struct network_ops ops = {keep, listen_to};

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

/* Nobody has said anything yet, but the link may be down. */
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
    arp_set_address(a, ipv4_of_number(own));
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
    arp_set_address(a, ipv4_of_number(0));
    pass(TRIES * ASK_AGAIN + SECOND);
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
    uint8_t    *p = buf_append(b, ETHERNET_HEADER + PACKET);

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
    heard(heard_ctx, &frame, 1);
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
    arp_set_address(a, ipv4_of_number(0));
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
        size_t  at;
        uint8_t value;
    } lies[] = {
        {7, 0},     /* no operation */
        {7, 3},     /* a question of RARP */
        {7, 8},     /* and of inverse ARP */
        {8, 3},     /* a sender who is many */
        {8, 0xff},  /* the same */
        {13, 9},    /* not the frame's sender */
        {14, 0xe0}, /* a group */
        {14, 0xef}, /* the last of them */
        {14, 0xf0}, /* nobody's */
        {14, 0xff}  /* the same */
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
    come(REPLY, their_mac, THEM, US);       /* nobody had asked */
    come(REQUEST, their_mac, THEM, US + 1); /* another is asked */
    come(REQUEST, their_mac, THEM, THEM);   /* an announcement */
    come(REQUEST, third_mac, 0, US);        /* a probe */
    CHECK(!is_known(THEM, their_mac));
    CHECK(find(a, 0) == NULL);
    come(REPLY, their_mac, THEM, US); /* now somebody has */
    CHECK(sent_count == 1 && is_packet(0, their_mac, 77));
    CHECK(is_known(THEM, their_mac));
    come(REQUEST, third_mac, US + 1, US);
    CHECK(is_known(US + 1, third_mac));
    end();
}

TEST(a_known_host_that_moves_is_found_again)
{
    begin();
    come(REQUEST, their_mac, THEM, US);
    come(REQUEST, third_mac, THEM, THEM); /* an announcement */
    CHECK(is_known(THEM, third_mac));
    come(REQUEST, their_mac, THEM, US + 1); /* asks another */
    CHECK(is_known(THEM, their_mac));
    come(REPLY, third_mac, THEM, US);
    CHECK(is_known(THEM, third_mac));
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

TEST(the_cache_is_bounded_and_forgets_what_was_not_used_for_longest)
{
    static const struct mac mac = {{2, 0, 0, 0, 9, 9}};

    begin();
    for (uint32_t i = 0; i < PLACES; i++)
        come(REQUEST, mac, 0x0a010000 + i, US);
    CHECK(sent_count == PLACES);
    CHECK(is_known(0x0a010000, mac)); /* used: the next one is the oldest */
    come(REQUEST, mac, 0x0a020000, US);
    CHECK(find(a, 0x0a010000) && find(a, 0x0a020000));
    CHECK(!find(a, 0x0a010001));
    CHECK(find(a, 0x0a010002));
    for (uint32_t i = 0; i < 3 * PLACES; i++) {
        forget_sent();
        come(REQUEST, mac, 0x0a030000 + i, US);
    }
    for (uint32_t i = 0; i < 3 * PLACES; i++)
        CHECK((find(a, 0x0a030000 + i) != NULL) == (i >= 2 * PLACES));
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
    arp_set_address(a, ipv4_of_number(US + 1));
    arp_set_address(a, ipv4_of_number(US + 2));
    forget_sent();
    pass(2 * ANNOUNCE);
    CHECK(sent_count == 1);
    CHECK(is_sent(0, REQUEST, everyone, US + 2, no_mac, US + 2));
    arp_set_address(a, ipv4_of_number(US));
    arp_set_address(a, ipv4_of_number(0));
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
    arp_set_address(a, ipv4_of_number(0));
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
    arp_set_address(a, ipv4_of_number(US));
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
        bool     conflict;
    } cases[] = {
        {REPLY, US, 0, true},       /* the answer */
        {REQUEST, US, THEM, true},  /* it asks for another */
        {REQUEST, US, US, true},    /* it announces itself */
        {REQUEST, 0, US, true},     /* it probes at the same time */
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
    struct buf        *packet;
    size_t             count = 0;

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
    for (uint32_t i = 0; i < PLACES / 2; i++)
        come(REQUEST, mac, 0x0a010000 + i, US);
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
