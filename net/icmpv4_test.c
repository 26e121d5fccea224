/* SPDX-License-Identifier: ISC */
#include "check.h"
#include "ipv4_wheel.h"
#include <mirage/time.h>

/* The clock of what is tested is ours: it may jump. */
static nanoseconds ahead;

static nanoseconds clock_now(void)
{
    return time_now() + ahead;
}

#define time_now clock_now
#include "icmpv4.c"
#undef time_now

#define US        0x0a000002
#define THEM      0x0a000001
#define BROADCAST 0x0a0000ff
#define NOBODYS   99 /* a protocol without a listener */

static struct wheel wheel;
static struct ipv4 *ip;
static struct icmpv4 *icmp;
static unsigned sent;
static uint32_t them; /* who sends what comes */
static uint8_t last[2000]; /* the last packet that was sent */
static size_t last_len;

static void keep(void *ctx, struct ip_address next, bool to_many,
                 struct buf *packet)
{
    (void)ctx;
    CHECK((ipv4_number(next) == THEM || them != THEM) && !to_many);
    last_len = buf_length(packet);
    CHECK(last_len <= sizeof last);
    buf_copy_out(packet, 0, last, last_len);
    buf_free(packet);
    sent++;
}

static void begin(void)
{
    static bool started;

    if (buf_pages() == 0)
        CHECK(buf_reserve(TEST_PAGES) == OK);
    if (!started)
        wheel_init(&wheel, time_now());
    started = true;
    CHECK(ipv4_connect_with_wheel(keep, NULL, &wheel, 1500, 0, &ip) == OK);
    ipv4_set_address(ip, ipv4_of_number(US), 24, ipv4_of_number(THEM));
    CHECK(icmpv4_connect(ip, &icmp) == OK);
    ahead += 10 * SECOND;
    them = THEM;
    sent = 0;
    last_len = 0;
}

/* A packet with payload comes, in bufs of piece bytes. */
static void come(uint8_t protocol, uint32_t to, const uint8_t *payload,
                 size_t len, size_t piece)
{
    uint8_t p[20 + 1500] = {0x45};
    size_t total = 20 + len;
    struct buf *first = NULL, **at_end = &first;

    put_be16(p + 2, (uint16_t)total);
    put_be16(p + 4, 0x1234);
    p[8] = 64;
    p[9] = protocol;
    put_be32(p + 12, them);
    put_be32(p + 16, to);
    put_be16(p + 10, checksum_finish(checksum_add(0, p, 20)));
    memcpy(p + 20, payload, len);
    for (size_t at = 0; at < total; at += piece) {
        size_t n = total - at < piece ? total - at : piece;

        *at_end = buf_copy_in(p + at, n, 0);
        CHECK(*at_end != NULL);
        at_end = &(*at_end)->next;
    }
    ipv4_input(ip, to == BROADCAST, first);
}

static void seal(uint8_t *p, size_t len)
{
    put_be16(p + 2, 0);
    put_be16(p + 2, checksum_finish(checksum_add(0, p, len)));
}

static bool is_sealed(void)
{
    return last_len >= 20 + HEADER &&
           checksum_finish(checksum_add(0, last + 20, last_len - 20)) == 0 &&
           checksum_finish(checksum_add(0, last, 20)) == 0;
}

static void echo(uint32_t to, size_t len, size_t piece, uint8_t fill)
{
    uint8_t p[1480] = {ECHO, 0, 0, 0, 0x12, 0x34, 0, 7};

    for (size_t i = 0; i < len; i++)
        p[HEADER + i] = (uint8_t)(fill * i);
    seal(p, HEADER + len);
    come(PROTOCOL_ICMP, to, p, HEADER + len, piece);
}

TEST(an_echo_of_every_size_and_checksum_is_answered_unchanged)
{
    begin();
    for (size_t len = 0; len < 300; len++) {
        echo(US, len, 20 + len % 90, (uint8_t)(len * 37));
        CHECK(sent == len + 1 && last_len == 20 + HEADER + len);
        CHECK(is_sealed() && last[20] == 0 && last[21] == 0);
        CHECK(memcmp(last + 24, "\x12\x34\x00\x07", 4) == 0);
        CHECK(get_be32(last + 12) == US && get_be32(last + 16) == THEM);
        CHECK(len == 0 ||
              last[27 + len] == (uint8_t)(len * 37 * (len - 1)));
    }
    CHECK(buf_pages_free() == buf_pages());
}

TEST(broadcast_malformed_and_unknown_messages_are_not_answered)
{
    uint8_t p[HEADER + 4] = {ECHO};

    begin();
    echo(BROADCAST, 10, 100, 1);
    seal(p, sizeof p);
    p[2] ^= 1;
    come(PROTOCOL_ICMP, US, p, sizeof p, 100);
    p[2] ^= 1;
    come(PROTOCOL_ICMP, US, p, HEADER - 1, 100);
    for (unsigned type = 1; type < 256; type++)
        if (type != ECHO) {
            p[0] = (uint8_t)type;
            seal(p, sizeof p);
            come(PROTOCOL_ICMP, US, p, sizeof p, 100);
        }
    CHECK(sent == 0 && buf_pages_free() == buf_pages());
}

TEST(an_unknown_protocol_is_refused_with_a_quote_of_the_packet)
{
    uint8_t p[600];

    begin();
    for (size_t i = 0; i < sizeof p; i++)
        p[i] = (uint8_t)i;
    come(NOBODYS, US, p, sizeof p, 100);
    CHECK(sent == 1 && is_sealed() && last[20] == 3 && last[21] == 2);
    CHECK(get_be32(last + 24) == 0 && last_len <= 576);
    /* The header as it came, to the byte, and what was behind it. */
    CHECK(last[28] == 0x45 && get_be16(last + 30) == 20 + sizeof p);
    CHECK(get_be16(last + 32) == 0x1234 && last[37] == NOBODYS);
    CHECK(checksum_finish(checksum_add(0, last + 28, 20)) == 0);
    CHECK(memcmp(last + 48, p, last_len - 48) == 0 && last_len >= 48 + 8);
    come(NOBODYS, BROADCAST, p, sizeof p, 100);
    CHECK(sent == 1 && buf_pages_free() == buf_pages());
}

/* How many of count packets that nobody wants are complained about. Each comes
 * from another host if they are many. */
static unsigned complaints(unsigned count, uint32_t first, bool are_many)
{
    uint8_t p[8] = {0};
    unsigned before = sent;

    for (unsigned i = 0; i < count; i++) {
        them = are_many ? first + i : first;
        come(NOBODYS, US, p, sizeof p, 100);
    }
    them = THEM;
    return sent - before;
}

TEST(errors_to_one_host_are_limited_and_echoes_are_not)
{
    unsigned n;

    begin();
    n = complaints(1000, THEM, false);
    CHECK(n >= SHARE / 2 && n <= SHARE + 2); /* some time has passed */
    sent = 0;
    for (int i = 0; i < 1000; i++)
        echo(US, 8, 100, 1);
    CHECK(sent == 1000 && buf_pages_free() == buf_pages());
}

TEST(errors_are_sent_from_the_start)
{
    nanoseconds before = ahead;

    begin();
    ahead = 0 - time_now(); /* the clock begins with 0 */
    CHECK(icmpv4_connect(ip, &icmp) == OK);
    CHECK(complaints(1, THEM, false) == 1);
    ahead = before + 100 * SECOND;
}

TEST(errors_to_all_hosts_are_limited)
{
    unsigned n;

    begin();
    n = complaints(2000, 0x0a010000, true);
    CHECK(n >= BURST / 2 && n <= BURST + 10);
    /* From then on not more than so many a second. */
    sent = 0;
    for (int i = 0; i < 1000; i++) {
        ahead += 10 * MILLISECOND;
        (void)complaints(10, 0x0a020000 + (uint32_t)i * 10, true);
    }
    CHECK(sent >= 300 && sent <= 1010);
}

/* CVE-2020-25705: a stranger probes many ports in others' names, and then sees
 * by its own packet whether the limit was reached. */
TEST(the_limit_of_errors_varies_at_random)
{
    unsigned left = 0, refilled[2] = {0}, same = 0, before = 0;

    begin();
    for (uint32_t round = 0; round < 200; round++) {
        unsigned n;

        ahead += 2 * SECOND; /* full again */
        n = complaints(75, 0x0a010000 + round * 256, true);
        left += n == 75 && complaints(1, THEM, false) == 1;
        n = complaints(1000, 0x0b000000 + round * 1024, true) + n;
        same += n == before;
        before = n;
        CHECK(n <= BURST + 10);
        /* Nor is it known how much there is some time after it was empty. */
        ahead += SECOND / 2;
        n = complaints(20, 0x0c000000 + round * 256, true);
        refilled[n == 20]++;
    }
    CHECK(left > 40 && left < 160 && same < 40);
    CHECK(refilled[0] > 20 && refilled[1] > 20);
}

TEST(the_errors_to_one_host_do_not_depend_on_others)
{
    unsigned first = 0, second = 0;

    begin();
    for (uint32_t round = 0; round < 100; round++) {
        ahead += 2 * SECOND;
        first += complaints(100, 0x0a010101, false);
        ahead += 2 * SECOND;
        (void)complaints(40, 0x0a020000 + round * 256, true);
        second += complaints(100, 0x0a010101, false);
    }
    CHECK(first >= 600 && first <= 900 && second >= 550 && second <= 900);
}

/* What is told to a protocol of whose packet a message complains. */
static struct ipv4_error told;
static unsigned told_count;

static void on_error(void *ctx, const struct ipv4_packet *packet,
                     const uint8_t *start, size_t len,
                     const struct ipv4_error *error)
{
    (void)ctx;
    CHECK(ipv4_number(packet->to) == THEM && len >= 8 && start[7] == 7);
    told = *error;
    told_count++;
}

static void on_packet(void *ctx, const struct ipv4_packet *packet,
                      struct buf *b)
{
    (void)ctx;
    (void)packet;
    buf_free(b);
}

/* A message of that type and code about a packet from us; only len bytes of
 * it, and first is the first of its header. */
static void complain(uint8_t type, uint8_t code, uint16_t mtu, uint32_t from,
                     uint8_t first, size_t len)
{
    uint8_t p[HEADER + 60 + 8] = {type, code};

    put_be16(p + 6, mtu);
    p[8] = first;
    p[17] = NOBODYS;
    put_be32(p + 20, from);
    put_be32(p + 24, THEM);
    p[HEADER + 4 * (first & 15) + 7] = 7;
    seal(p, len);
    come(PROTOCOL_ICMP, US, p, len, 100);
}

TEST(errors_about_our_packets_are_passed_to_their_protocol)
{
    static const struct {
        uint8_t type, code;
        enum status status;
    } cases[] = {{3, 0, ERR_UNREACHABLE},
                 {3, 1, ERR_UNREACHABLE},
                 {3, 2, ERR_REFUSED},
                 {3, 3, ERR_REFUSED},
                 {3, 4, ERR_RANGE},
                 {3, 13, ERR_UNREACHABLE},
                 {11, 0, ERR_TIMEOUT}};

    begin();
    told_count = 0;
    ipv4_listen(ip, NOBODYS, on_packet, on_error, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        complain(cases[i].type, cases[i].code, 1400, US, 0x45,
                 HEADER + 20 + 8);
        CHECK(told_count == i + 1 && told.status == cases[i].status);
        CHECK(told.mtu == (told.status == ERR_RANGE ? 1400 : 0));
    }
    complain(3, 3, 0, US, 0x4f, HEADER + 60 + 8); /* with options */
    CHECK(told_count == 8);
    complain(3, 3, 0, THEM, 0x45, HEADER + 20 + 8); /* not ours */
    complain(3, 3, 0, US, 0x45, HEADER + 20 + 7); /* too little of it */
    complain(3, 3, 0, US, 0x4f, HEADER + 20 + 8);
    complain(3, 3, 0, US, 0x44, HEADER + 20 + 8);
    complain(3, 3, 0, US, 0x65, HEADER + 20 + 8);
    CHECK(told_count == 8 && sent == 0);
    CHECK(buf_pages_free() == buf_pages());
}

/* RFC 1122, 3.2.2: of a fragment that was not completed, say. */
TEST(no_error_is_sent_about_an_icmp_error)
{
    static const uint8_t types[] = {ECHO_REPLY, UNREACHABLE, 4, 5, EXCEEDED,
                                    12};
    struct ipv4_packet packet = {.from = ipv4_of_number(THEM),
                                 .to = ipv4_of_number(US),
                                 .protocol = PROTOCOL_ICMP};

    begin();
    for (size_t i = 0; i < sizeof types; i++) {
        struct buf *b = buf_copy_in(&types[i], 1, 0);

        ipv4_refuse(ip, &packet, b, EXCEEDED, 1);
        buf_free(b);
    }
    CHECK(sent == 0);
    {
        static const uint8_t echo = ECHO;
        struct buf *b = buf_copy_in(&echo, 1, 0);

        ipv4_refuse(ip, &packet, b, EXCEEDED, 1);
        buf_free(b);
    }
    CHECK(sent == 1);
}

TEST(source_quench_redirect_and_parameter_problem_are_ignored)
{
    static const uint8_t types[] = {4, 5, 9, 12};

    begin();
    told_count = 0;
    ipv4_listen(ip, NOBODYS, on_packet, on_error, NULL);
    for (size_t i = 0; i < sizeof types; i++)
        for (uint8_t code = 0; code < 4; code++)
            complain(types[i], code, 1400, US, 0x45, HEADER + 20 + 8);
    CHECK(told_count == 0 && sent == 0);
    CHECK(buf_pages_free() == buf_pages());
}

static enum status ping_status;
static nanoseconds ping_took;

static void ping(void *ctx)
{
    ping_status = icmpv4_ping(icmp, ipv4_of_number(THEM), *(size_t *)ctx,
                              time_after(SECOND / 4), &ping_took);
}

static struct fiber *start_ping(size_t *len)
{
    struct fiber *f;

    CHECK(fiber_spawn(NULL, ping, len, &f) == OK);
    CHECK(fiber_yield() == OK);
    CHECK(last[20] == ECHO && is_sealed());
    return f;
}

/* The request that was sent comes back as an answer, changed by how much. */
static void answer(uint8_t id, uint8_t data)
{
    uint8_t p[1480];
    size_t len = last_len - 20;

    memcpy(p, last + 20, len);
    p[0] = 0;
    p[5] ^= id;
    p[len - 1] ^= data;
    seal(p, len);
    come(PROTOCOL_ICMP, US, p, len, 100);
}

TEST(a_ping_ends_with_its_reply_or_its_deadline)
{
    size_t len = 100;
    struct fiber *f;

    begin();
    f = start_ping(&len);
    answer(1, 0); /* of another ping */
    answer(0, 0);
    CHECK(fiber_join(f, FOREVER) == OK && ping_status == OK);
    CHECK(ping_took < SECOND / 4);
    f = start_ping(&len);
    answer(0, 1);
    CHECK(fiber_join(f, FOREVER) == OK && ping_status == ERR_CORRUPT);
    f = start_ping(&len);
    CHECK(fiber_join(f, FOREVER) == OK && ping_status == ERR_TIMEOUT);
    answer(0, 0); /* too late */
    f = start_ping(&len);
    them = THEM + 8;
    answer(0, 0); /* of a stranger */
    them = THEM;
    CHECK(fiber_join(f, FOREVER) == OK && ping_status == ERR_TIMEOUT);
    CHECK(buf_pages_free() == buf_pages());
}
