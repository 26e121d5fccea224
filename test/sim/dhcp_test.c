/* SPDX-License-Identifier: ISC */
/*
 * The DHCP client in a complete stack, with a server of this test at the other
 * end of the wire: a month of leases, and their faults.
 */
#include "check.h"
#include "pair.h"
#include <mirage/bytes.h>
#include <mirage/drivers.h>

#define LEASE 3600 /* seconds */
#define DAY   (86400 * SECOND)

/* The server's behaviour, and what it has received. */
static struct {
    struct host host;
    bool silent, refuses;
    struct ip_address offers;
    uint32_t lease, mask, router;
    uint16_t port; /* that it answers from */
    uint8_t too[80]; /* what it says besides */
    size_t too_len;
    unsigned count[9]; /* messages, by type */
    nanoseconds when[9]; /* the last of them */
    bool unicast; /* the last request was */
} server = {
    .lease = LEASE, .mask = 0xffffff00, .router = 0x0a000001, .port = 67};

static const uint8_t *option_of(const uint8_t *p, size_t len, uint8_t code)
{
    for (size_t at = 240; at + 1 < len && p[at] != 255; at += 2u + p[at + 1])
        if (p[at] == code)
            return p + at + 2;
    return NULL;
}

static size_t put_option(uint8_t *p, size_t at, uint8_t code, uint32_t value)
{
    p[at] = code;
    p[at + 1] = 4;
    put_be32(p + at + 2, value);
    return at + 6;
}

static void reply(const uint8_t *request, uint8_t type)
{
    uint8_t p[300] = {2, 1, 6};
    size_t at = 243;
    struct endpoint to = {ipv4_of_number(0xffffffff), 68};

    memcpy(p + 4, request + 4, 4);
    memcpy(p + 28, request + 28, 6);
    if (type != 6)
        put_be32(p + 16, ipv4_number(server.offers));
    memcpy(p + 236, "\x63\x82\x53\x63\x35\x01", 6);
    p[242] = type;
    at = put_option(p, at, 54, 0x0a000001);
    if (type != 6) {
        at = put_option(p, at, 51, server.lease);
        at = put_option(p, at, 1, server.mask);
        if (server.router)
            at = put_option(p, at, 3, server.router);
        at = put_option(p, at, 6, 0x0a000035);
        memcpy(p + at, server.too, server.too_len);
        at += server.too_len;
    }
    p[at] = 255;
    CHECK(udpv4_write(server.host.udp, server.port, to, p, sizeof p) == OK);
}

static void on_request(void *ctx, struct endpoint from, struct endpoint to,
                       const struct buf *datagram)
{
    uint8_t p[600];
    size_t len = buf_length(datagram);
    const uint8_t *type;

    (void)ctx;
    (void)from;
    if (len > sizeof p)
        return;
    buf_copy_out(datagram, 0, p, len);
    type = option_of(p, len, 53);
    if (!type || *type > 8)
        return;
    server.count[*type]++;
    server.when[*type] = time_now();
    server.unicast = ipv4_number(to.ip) != 0xffffffff;
    if (server.silent)
        return;
    if (*type == 1)
        reply(p, 2);
    else if (*type == 3)
        reply(p, server.refuses ? 6 : 5);
}

/* A console that keeps the last line that says what the address is. */
static char said[120];

static void keep_line(struct console *c, const char *text, size_t len)
{
    static const char start[] = "DHCP offer received and bound";

    (void)c;
    if (len >= sizeof start - 1 && len < sizeof said &&
        memcmp(text, start, sizeof start - 1) == 0) {
        memcpy(said, text, len);
        said[len] = '\0';
    }
}

static const struct console_ops keeping = {.write = keep_line};
static struct console console = {.ops = &keeping};

static struct stackv4 *stack;
static unsigned changes;
static struct ip_address last;

static void on_change(void *ctx, const struct stackv4_address *a)
{
    (void)ctx;
    changes++;
    last = a->ip;
}

static bool is_at(uint8_t number)
{
    return ip_equal(stackv4_ip(stack), ipv4_address(10, 0, 0, number));
}

static void on_flow(void *ctx, struct flow *flow, unsigned events)
{
    (void)ctx;
    (void)flow;
    (void)events;
}

TEST(the_first_offer_is_accepted_after_a_probe_of_its_address)
{
    static const struct sim_faults slow = {.delay = 5 * MILLISECOND};
    struct network *net;
    struct stackv4_address a;
    nanoseconds began;

    sim_seed(7);
    pair_make(1500, 0);
    pair_faults(&slow);
    server.host = left;
    server.offers = ipv4_address(10, 0, 0, 50);
    CHECK(udpv4_listen(left.udp, 67, on_request, NULL) == OK);
    CHECK(sim_network("wire", 1500, 0, &net) == OK);
    began = time_now();
    CHECK(stackv4_dhcp_connect(&console, net, &stack) == OK);
    CHECK(strstr(said, " to 10.0.0.50 nm 255.255.255.0 gw [10.0.0.1]"));
    CHECK(is_at(50) && time_now() - began < SECOND);
    /* 5 ms for the ACK, and 20 ms for a reply to the first probe. */
    CHECK(time_now() - server.when[3] <= 27 * MILLISECOND);
    CHECK(server.count[1] == 1 && server.count[3] == 1);
    stackv4_address(stack, &a);
    CHECK(a.prefix == 24 && a.dns_count == 1);
    CHECK(ip_equal(a.gateway, ipv4_address(10, 0, 0, 1)));
    CHECK(ip_equal(a.dns[0], ipv4_address(10, 0, 0, 53)));
    stackv4_on_address(stack, on_change, NULL);
}

TEST(each_lease_of_a_month_is_renewed_at_its_half)
{
    unsigned before = server.count[3];

    CHECK(time_sleep(30 * DAY) == OK);
    CHECK(is_at(50) && changes == 0);
    CHECK(server.count[3] - before >= 1430 && server.count[3] - before <= 1450);
    CHECK(server.unicast);
}

TEST(with_a_silent_server_the_lease_ends_after_all_retries)
{
    nanoseconds begun;

    server.silent = true;
    begun = server.when[3];
    while (is_at(50))
        CHECK(time_sleep(SECOND) == OK);
    CHECK(time_now() - begun >= LEASE * SECOND);
    CHECK(time_now() - begun <= (LEASE + 2) * SECOND);
    CHECK(changes == 1 && ipv4_number(last) == 0);
    CHECK(!server.unicast); /* REBINDING */
    CHECK(time_sleep(DAY) == OK);
    CHECK(server.count[1] > 1200 && server.count[1] < 1500);
}

TEST(when_the_server_returns_there_is_an_address_within_70_s)
{
    server.silent = false;
    server.offers = ipv4_address(10, 0, 0, 60);
    CHECK(time_sleep(70 * SECOND) == OK);
    CHECK(is_at(60) && changes == 2 && ip_equal(last, stackv4_ip(stack)));
}

TEST(a_nak_removes_the_address_at_once)
{
    struct stackv4_address a;

    server.refuses = true;
    server.offers = ipv4_address(10, 0, 0, 61);
    CHECK(time_sleep((LEASE / 2 + LEASE / 32 + 1) * SECOND) == OK);
    CHECK(changes == 3 && ipv4_number(last) == 0);
    stackv4_address(stack, &a); /* nor is anything else kept */
    CHECK(ip_equal(a.ip, ipv4_of_number(0)) &&
          ip_equal(a.gateway, ipv4_of_number(0)));
    CHECK(a.prefix == 0 && a.dns_count == 0 && a.route_count == 0);
    server.refuses = false;
    CHECK(time_sleep(120 * SECOND) == OK);
    CHECK(is_at(61) && changes == 4);
}

TEST(an_address_in_use_is_declined_and_discovered_after_ten_seconds)
{
    nanoseconds declined;

    /* The other end of the wire uses the address that is offered next. */
    ipv4_set_address(right.ip, ipv4_address(10, 0, 0, 62), 24,
                     ipv4_of_number(0));
    arp_set_address(right.arp, ipv4_address(10, 0, 0, 62), 24);
    server.offers = ipv4_address(10, 0, 0, 62);
    server.refuses = true;
    while (!is_at(61) || server.count[4] == 0) {
        CHECK(time_sleep(100 * MILLISECOND) == OK);
        if (!is_at(61))
            server.refuses = false;
        if (server.count[4] > 0)
            break;
    }
    CHECK(server.count[4] == 1);
    declined = server.when[4];
    server.offers = ipv4_address(10, 0, 0, 63);
    CHECK(time_sleep(9 * SECOND) == OK);
    CHECK(server.when[1] < declined);
    CHECK(time_sleep(5 * SECOND) == OK);
    CHECK(server.when[1] >= declined + 10 * SECOND && is_at(63));
}

TEST(a_later_conflict_makes_us_discover_another_address)
{
    arp_set_address(right.arp, ipv4_address(10, 0, 0, 63), 24);
    server.offers = ipv4_address(10, 0, 0, 64);
    CHECK(time_sleep(SECOND) == OK);
    arp_set_address(right.arp, ipv4_address(10, 0, 0, 63), 24);
    CHECK(time_sleep(30 * SECOND) == OK);
    CHECK(is_at(64) && server.count[4] == 2);
}

TEST(a_conflict_seen_while_the_address_is_used_declines_it)
{
    static const struct sim_faults far = {.delay = 30 * MILLISECOND},
                                   near = {.delay = 5 * MILLISECOND};
    struct endpoint to = {ipv4_address(10, 0, 0, 1), 9};
    unsigned before = changes, declined = server.count[4];
    struct buf *data;
    struct flow *flow;

    /* The reply to the first probe takes 30 ms, so the address is used by
     * then. */
    pair_faults(&far);
    arp_set_address(right.arp, ipv4_address(10, 0, 0, 65), 24);
    ipv4_set_address(right.ip, ipv4_address(10, 0, 0, 65), 24,
                     ipv4_of_number(0));
    server.offers = ipv4_address(10, 0, 0, 65);
    server.refuses = true;
    while (changes == before)
        CHECK(time_sleep(SECOND) == OK);
    server.refuses = false;
    while (!is_at(65))
        CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(changes == before + 2 && server.count[4] == declined);
    CHECK(stackv4_begin(stack, to, on_flow, NULL, &flow) == OK);
    server.offers = ipv4_address(10, 0, 0, 64);
    CHECK(time_sleep(20 * MILLISECOND) == OK);
    CHECK(changes == before + 3 && ipv4_number(last) == 0);
    CHECK(flow_read(flow, &data, 0) == ERR_GONE);
    flow_close(flow);
    CHECK(time_sleep(20 * MILLISECOND) == OK);
    CHECK(server.count[4] == declined + 1);
    CHECK(time_sleep(12 * SECOND) == OK);
    CHECK(is_at(64) && changes == before + 4);
    pair_faults(&near);
}

TEST(a_lease_of_a_second_causes_no_flood)
{
    unsigned before;

    server.lease = 1;
    CHECK(time_sleep((LEASE / 2 + LEASE / 32 + 1) * SECOND) == OK);
    before = server.count[3];
    CHECK(time_sleep(1000 * SECOND) == OK);
    CHECK(is_at(64));
    /* At most one in 1.25 s; with a lease of 10 s, renewed at its half, one in
     * 5 s. */
    CHECK(server.count[3] - before > 180 && server.count[3] - before < 220);
    server.lease = LEASE;
    CHECK(time_sleep(20 * SECOND) == OK);
}

TEST(a_server_may_answer_from_another_port)
{
    unsigned before = server.count[3];

    server.port = 1067;
    CHECK(time_sleep(DAY) == OK);
    CHECK(is_at(64) && server.count[3] - before < 52);
    server.port = 67;
}

TEST(the_lease_is_released_when_the_image_ends)
{
    unsigned discovers;
    nanoseconds began;

    CHECK(time_sleep(10 * LEASE * SECOND) == OK);
    discovers = server.count[1];
    began = time_now();
    stackv4_finish(stack);
    CHECK(time_now() - began < 100 * MILLISECOND);
    CHECK(server.count[7] == 1 && server.unicast);
    CHECK(ipv4_number(stackv4_ip(stack)) == 0);
    CHECK(time_sleep(DAY) == OK);
    CHECK(server.count[7] == 1 && server.count[1] == discovers);
    /* Another host may use the address: it is not defended. */
    CHECK(arp_probe(right.arp, ipv4_address(10, 0, 0, 64), FOREVER) == OK);
    stackv4_finish(stack);
    CHECK(server.count[7] == 1);
}

/* Starts another stack on the wire, which gets an address of the server. */
static struct stackv4 *another(struct ip_address ip)
{
    struct network *net;
    struct stackv4 *made = NULL;

    server.offers = ip;
    arp_set_address(right.arp, ipv4_address(10, 0, 0, 2), 24);
    ipv4_set_address(right.ip, ipv4_address(10, 0, 0, 2), 24,
                     ipv4_of_number(0));
    CHECK(sim_network("wire", 1500, 0, &net) == OK);
    CHECK(stackv4_dhcp_connect(&pair_quiet, net, &made) == OK);
    CHECK(ip_equal(stackv4_ip(made), ip));
    return made;
}

static void add_not_ours(void *ctx, const char *name, uint64_t value)
{
    if (strcmp(name, "ipv4_not_ours") == 0)
        *(uint64_t *)ctx = value;
}

/* Packets for other hosts that a host has received. */
static uint64_t passed_to(const struct host *h)
{
    uint64_t value = 0;

    ipv4_counters(h->ip, add_not_ours, &value);
    return value;
}

/* Is h the next hop of a datagram to a host elsewhere? */
static bool goes_by(struct stackv4 *s, uint8_t first, const struct host *h)
{
    struct endpoint to = {ipv4_address(first, 16, 0, 9), 9};
    uint64_t before = passed_to(h);

    CHECK(stackv4_udp_write(s, 0, to, "x", 1) == OK);
    CHECK(time_sleep(SECOND) == OK);
    return passed_to(h) == before + 1;
}

TEST(with_a_prefix_of_32_bits_packets_go_to_the_gateway)
{
    struct stackv4 *s;

    server.mask = 0xffffffff;
    s = another(ipv4_address(10, 9, 0, 5));
    CHECK(goes_by(s, 192, &left));
    stackv4_finish(s);
    CHECK(server.count[7] == 2);
}

TEST(routes_of_option_121_are_used)
{
    static const char routes[] = "\x79\x14"
                                 "\x20\x0a\x00\x00\x02\x00\x00\x00\x00"
                                 "\x08\xac\x0a\x00\x00\x02"
                                 "\x00\x0a\x00\x00\x01";
    struct stackv4_address a;
    struct stackv4 *s;

    /* The router of option 3 is ignored. */
    server.router = 0x0a000077;
    memcpy(server.too, routes, sizeof routes - 1);
    server.too_len = sizeof routes - 1;
    s = another(ipv4_address(10, 9, 0, 6));
    stackv4_address(s, &a);
    CHECK(a.route_count == 2 && a.prefix == 32);
    CHECK(ip_equal(a.gateway, ipv4_address(10, 0, 0, 1)));
    CHECK(goes_by(s, 192, &left) && goes_by(s, 172, &right));
    /* A renewal changes the routes and keeps the address. */
    memcpy(server.too + 11 + 0, "\x08\xad", 2);
    CHECK(time_sleep(LEASE * SECOND) == OK);
    CHECK(goes_by(s, 172, &left) && goes_by(s, 173, &right));
    CHECK(ip_equal(stackv4_ip(s), ipv4_address(10, 9, 0, 6)));
    stackv4_finish(s);
}
