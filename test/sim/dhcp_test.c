/* SPDX-License-Identifier: ISC */
/*
 * The DHCP client in a whole stack, with a server of this test on the other end
 * of the wire: a month of leases, and what goes wrong with them.
 */
#include "check.h"
#include "pair.h"
#include <mirage/bytes.h>
#include <mirage/drivers.h>

#define LEASE 3600 /* seconds */
#define DAY   (86400 * SECOND)

/* What the server does, and has seen. */
static struct {
    struct host       host;
    bool              silent, refuses;
    struct ip_address offers;
    unsigned          count[9]; /* messages, by type */
    nanoseconds       when[9];  /* the last of them */
    bool              unicast;  /* the last request was */
} server;

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
    uint8_t         p[300] = {2, 1, 6};
    size_t          at = 243;
    struct endpoint to = {ipv4_of_number(0xffffffff), 68};

    memcpy(p + 4, request + 4, 4);
    memcpy(p + 28, request + 28, 6);
    if (type != 6)
        put_be32(p + 16, ipv4_number(server.offers));
    memcpy(p + 236, "\x63\x82\x53\x63\x35\x01", 6);
    p[242] = type;
    at = put_option(p, at, 54, 0x0a000001);
    if (type != 6) {
        at = put_option(p, at, 51, LEASE);
        at = put_option(p, at, 1, 0xffffff00);
        at = put_option(p, at, 3, 0x0a000001);
        at = put_option(p, at, 6, 0x0a000035);
    }
    p[at] = 255;
    CHECK(udpv4_write(server.host.udp, 67, to, p, sizeof p) == OK);
}

static void on_request(void *ctx, struct endpoint from, struct endpoint to,
                       const struct buf *datagram)
{
    uint8_t        p[600];
    size_t         len = buf_length(datagram);
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

static void say_nothing(struct console *c, const char *text, size_t len)
{
    (void)c;
    (void)text;
    (void)len;
}

static struct console_ops quiet_ops = {.write = say_nothing};
static struct console     quiet = {.ops = &quiet_ops};
static struct stackv4    *stack;
static unsigned           changes;
static struct ip_address  last;

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

TEST(the_first_offer_is_taken_and_its_address_looked_for_first)
{
    static const struct sim_faults slow = {.delay = 5 * MILLISECOND};
    struct network                *net;
    struct stackv4_address         a;
    nanoseconds                    began;

    sim_seed(7);
    pair_make(1500, 0);
    pair_faults(&slow);
    server.host = left;
    server.offers = ipv4_address(10, 0, 0, 50);
    CHECK(udpv4_listen(left.udp, 67, on_request, NULL) == OK);
    CHECK(sim_network("wire", 1500, 0, &net) == OK);
    began = time_now();
    CHECK(stackv4_dhcp_connect(&quiet, net, &stack) == OK);
    CHECK(is_at(50) && time_now() - began < 2 * SECOND);
    CHECK(server.count[1] == 1 && server.count[3] == 1);
    stackv4_address(stack, &a);
    CHECK(a.prefix == 24 && a.dns_count == 1);
    CHECK(ip_equal(a.gateway, ipv4_address(10, 0, 0, 1)));
    CHECK(ip_equal(a.dns[0], ipv4_address(10, 0, 0, 53)));
    stackv4_on_address(stack, on_change, NULL);
}

TEST(a_month_of_leases_is_renewed_each_half_of_one)
{
    unsigned before = server.count[3];

    CHECK(time_sleep(30 * DAY) == OK);
    CHECK(is_at(50) && changes == 0);
    CHECK(server.count[3] - before >= 1430 && server.count[3] - before <= 1450);
    CHECK(server.unicast);
}

TEST(a_server_that_is_silent_is_asked_by_all_means_and_then_the_lease_ends)
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

TEST(when_it_speaks_again_there_is_an_address_within_a_minute_or_so)
{
    server.silent = false;
    server.offers = ipv4_address(10, 0, 0, 60);
    CHECK(time_sleep(70 * SECOND) == OK);
    CHECK(is_at(60) && changes == 2 && ip_equal(last, stackv4_ip(stack)));
}

TEST(a_refusal_takes_the_address_back_at_once)
{
    server.refuses = true;
    server.offers = ipv4_address(10, 0, 0, 61);
    CHECK(time_sleep((LEASE / 2 + LEASE / 32 + 1) * SECOND) == OK);
    CHECK(changes == 3 && ipv4_number(last) == 0);
    server.refuses = false;
    CHECK(time_sleep(120 * SECOND) == OK);
    CHECK(is_at(61) && changes == 4);
}

TEST(an_address_that_somebody_has_is_declined_and_asked_for_ten_seconds_later)
{
    nanoseconds declined;

    /* The other end of the wire takes the address that is offered next. */
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

TEST(who_takes_our_address_later_makes_us_look_for_another)
{
    arp_set_address(right.arp, ipv4_address(10, 0, 0, 63), 24);
    server.offers = ipv4_address(10, 0, 0, 64);
    CHECK(time_sleep(SECOND) == OK);
    arp_set_address(right.arp, ipv4_address(10, 0, 0, 63), 24);
    CHECK(time_sleep(30 * SECOND) == OK);
    CHECK(is_at(64) && server.count[4] == 2);
}
