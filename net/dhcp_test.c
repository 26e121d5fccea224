/* SPDX-License-Identifier: ISC */
/*
 * Every transition of RFC 2131, figure 5, with a clock in a variable and a
 * server in functions.
 */
#include "check.h"
#include "dhcp_message.h"
#include <mirage/bytes.h>
#include <mirage/dhcp.h>
#include <mirage/random.h>
#include <mirage/text.h>

#define LEASE 3600u /* seconds */
#define HOUR  (3600 * SECOND)
#define DAY   (24 * HOUR)

static const struct mac ours = {{2, 0, 0, 0, 0, 9}};
static const struct mac other = {{2, 0, 0, 0, 0, 8}};
static struct dhcp d;
static nanoseconds now;
static struct ip_address server, offered;

/* The calls of the client. */
static struct {
    uint8_t data[DHCP_REQUEST_LEN]; /* the last message */
    size_t len;
    struct ip_address to;
    unsigned sent, probes, bound, lost;
    struct ip_address probed;
    struct dhcp_lease lease;
    bool holds;
    unsigned warned;
    char warning[160]; /* the last */
} did;

static void send(void *ctx, struct ip_address to, const void *data, size_t len)
{
    (void)ctx;
    CHECK(len <= sizeof did.data);
    memcpy(did.data, data, len);
    did.len = len;
    did.to = to;
    did.sent++;
}

static void probe(void *ctx, struct ip_address ip)
{
    (void)ctx;
    did.probes++;
    did.probed = ip;
}

static void bound(void *ctx, const struct dhcp_lease *lease)
{
    (void)ctx;
    did.bound++;
    did.lease = *lease;
    did.holds = true;
}

static void lost(void *ctx, const char *why)
{
    (void)ctx;
    CHECK(did.holds && why[0] != 0);
    did.lost++;
    did.holds = false;
}

static void say(void *ctx, const char *text, struct ip_address ip)
{
    (void)ctx;
    (void)text;
    (void)ip;
}

static void warn(void *ctx, const char *text)
{
    (void)ctx;
    did.warned++;
    text_format(did.warning, sizeof did.warning, "%s", text);
}

static const struct dhcp_caller caller = {send, probe, bound, lost, say, warn};

/* More options, for all following replies, and their length. */
static uint8_t more[200];
static size_t more_len;

#define SAY_TOO(o) \
    (memcpy(more, o, sizeof o - 1), more_len = sizeof o - 1, (void)0)

static void start(bool up)
{
    memset(&did, 0, sizeof did);
    more_len = 0;
    server = ipv4_address(10, 0, 0, 1);
    offered = ipv4_address(10, 0, 0, 50);
    dhcp_start(&d, &(struct dhcp_client){&caller, NULL, ours, "larch"}, up,
               now);
}

static const uint8_t *option(uint8_t code)
{
    for (size_t at = 240; at + 1 < did.len && did.data[at] != 255;
         at += 2u + did.data[at + 1])
        if (did.data[at] == code)
            return did.data + at + 2;
    return NULL;
}

static unsigned type(void)
{
    return option(53)[0];
}

/* Has the option of the last message the value ip? With 0.0.0.0: is it absent?
 */
static bool has_option(uint8_t code, struct ip_address ip)
{
    const uint8_t *p = option(code);

    return p ? get_be32(p) == ipv4_number(ip) : ipv4_number(ip) == 0;
}

static size_t put(uint8_t *p, size_t at, uint8_t code, uint32_t value)
{
    p[at] = code;
    p[at + 1] = 4;
    put_be32(p + at + 2, value);
    return at + 6;
}

/* Receives a server's message; lease 0: without a lease time. */
static void answer(enum dhcp_type what, uint32_t xid, struct mac to,
                   uint32_t lease, uint32_t t1, uint32_t t2)
{
    uint8_t p[600] = {2, 1, 6};
    size_t at = 243;

    put_be32(p + 4, xid);
    memcpy(p + 28, to.byte, 6);
    put_be32(p + 16, ipv4_number(offered));
    put_be32(p + 236, 0x63825363);
    p[240] = 53;
    p[241] = 1;
    p[242] = (uint8_t)what;
    if (ipv4_number(server))
        at = put(p, at, 54, ipv4_number(server));
    if (lease)
        at = put(p, at, 51, lease);
    if (t1)
        at = put(p, at, 58, t1);
    if (t2)
        at = put(p, at, 59, t2);
    memcpy(p + at, more, more_len);
    at += more_len;
    p[at] = 255;
    dhcp_receive(&d, p, sizeof p, now);
}

static void reply(enum dhcp_type what)
{
    answer(what, d.xid, ours, what == DHCP_NAK ? 0 : LEASE, 0, 0);
}

/* Advances the clock to the deadline, and ticks. */
static void pass(void)
{
    CHECK(dhcp_deadline(&d) != FOREVER && dhcp_deadline(&d) >= now);
    now = dhcp_deadline(&d);
    dhcp_tick(&d, now);
}

static void become_bound(void)
{
    start(true);
    reply(DHCP_OFFER);
    reply(DHCP_ACK);
    dhcp_checked(&d, false, now);
    CHECK(d.state == DHCP_BOUND && did.holds);
}

/* Is t within a thirty-second of the lease from this part of it? */
static bool is_around(nanoseconds t, nanoseconds asked, nanoseconds part,
                      nanoseconds lease)
{
    return t >= asked + part - lease / 32 && t <= asked + part + lease / 32;
}

/* Is the message repeated after these seconds, plus or minus one? */
static bool waits(unsigned seconds)
{
    nanoseconds wait = dhcp_deadline(&d) - now;

    return wait >= (seconds - 1) * SECOND && wait <= (seconds + 1) * SECOND;
}

TEST(discover_offer_request_and_ack_give_a_lease)
{
    now = 1000 * SECOND;
    start(true);
    CHECK(did.sent == 1 && type() == DHCP_DISCOVER && d.xid != 0);
    CHECK(ipv4_number(did.to) == 0 && get_be32(did.data + 4) == d.xid);
    now += SECOND;
    reply(DHCP_OFFER);
    CHECK(did.sent == 2 && type() == DHCP_REQUEST);
    CHECK(ipv4_number(did.to) == 0 && get_be32(did.data + 12) == 0);
    CHECK(has_option(50, offered) && has_option(54, server));
    now += SECOND;
    reply(DHCP_ACK);
    CHECK(d.state == DHCP_PROBING && did.probes == 1 && did.bound == 0);
    CHECK(ip_equal(did.probed, offered) && dhcp_deadline(&d) == FOREVER);
    now += SECOND;
    dhcp_checked(&d, false, now);
    CHECK(did.bound == 1 && ip_equal(did.lease.address.ip, offered));
    /* The lease counts from the time of the request: 4.4.1. */
    CHECK(did.lease.end == 1001 * SECOND + HOUR);
    CHECK(is_around(did.lease.t1, 1001 * SECOND, HOUR / 2, HOUR));
    CHECK(is_around(did.lease.t2, 1001 * SECOND, HOUR - HOUR / 8, HOUR));
    CHECK(dhcp_deadline(&d) == did.lease.t1);
    CHECK(did.lease.address.prefix == 8); /* of its class: none was sent */
    dhcp_tick(&d, now); /* too early: nothing */
    CHECK(did.sent == 2);
}

TEST(discover_is_repeated_after_4_8_16_32_and_64_seconds)
{
    static const unsigned wait[] = {4, 8, 16, 32, 64, 64, 64};
    bool differs = false;
    uint32_t xid;

    start(true);
    xid = d.xid;
    for (size_t i = 0; i < sizeof wait / sizeof *wait; i++) {
        CHECK(did.sent == i + 1 && type() == DHCP_DISCOVER && waits(wait[i]));
        CHECK(get_be32(did.data + 4) == xid);
        differs |= dhcp_deadline(&d) - now != wait[i] * SECOND;
        pass();
    }
    CHECK(differs); /* chance is in it */
    CHECK(get_be16(did.data + 8) >= 4 + 60); /* secs */
}

TEST(four_unanswered_requests_restart_discovery)
{
    uint32_t xid;

    start(true);
    reply(DHCP_OFFER);
    xid = d.xid;
    for (int i = 0; i < 3; i++) {
        pass();
        CHECK(type() == DHCP_REQUEST && d.state == DHCP_REQUESTING);
    }
    pass();
    CHECK(type() == DHCP_DISCOVER && d.state == DHCP_SELECTING);
    CHECK(d.xid != xid);
}

TEST(messages_for_others_and_malformed_ones_are_ignored)
{
    static const uint32_t wrong[] = {0, 0x7f000001, 0xe0000001, 0xffffffff,
                                     0x0a000000, 0x0affffff};

    start(true);
    answer(DHCP_OFFER, d.xid + 1, ours, LEASE, 0, 0);
    answer(DHCP_OFFER, d.xid, other, LEASE, 0, 0);
    reply(DHCP_ACK);
    reply(DHCP_NAK);
    CHECK(did.warned == 0);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        offered = ipv4_of_number(wrong[i]);
        reply(DHCP_OFFER);
    }
    CHECK(d.state == DHCP_SELECTING && did.sent == 1 && did.warned == 1);
    offered = ipv4_address(10, 0, 0, 50);
    reply(DHCP_OFFER);
    CHECK(d.state == DHCP_REQUESTING);
    reply(DHCP_OFFER);
    CHECK(d.state == DHCP_REQUESTING && did.sent == 2);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        offered = ipv4_of_number(wrong[i]);
        reply(DHCP_ACK);
    }
    CHECK(d.state == DHCP_REQUESTING && did.sent == 2 && did.probes == 0);
}

TEST(network_and_broadcast_addresses_are_refused)
{
    start(true);
    SAY_TOO("\x01\x04\xff\xff\xff\x00");
    offered = ipv4_address(10, 0, 0, 255);
    reply(DHCP_OFFER);
    CHECK(d.state == DHCP_SELECTING && did.warned == 1);
    CHECK_TEXT(did.warning, "DHCP: 10.0.0.255/24 is offered, which is the "
                            "broadcast address of its network, not that of a "
                            "host: not taken");
    offered = ipv4_address(10, 0, 0, 0);
    reply(DHCP_OFFER);
    CHECK(d.state == DHCP_SELECTING);
    SAY_TOO("\x01\x04\xff\xff\xff\xfe");
    reply(DHCP_OFFER); /* RFC 3021: two hosts and no more */
    CHECK(d.state == DHCP_REQUESTING);
    SAY_TOO("\x01\x04\xff\xff\xff\x00");
    offered = ipv4_address(10, 0, 0, 255);
    reply(DHCP_ACK);
    CHECK(d.state == DHCP_REQUESTING && did.probes == 0);
}

TEST(only_the_server_asked_can_refuse_but_any_can_grant)
{
    start(true);
    reply(DHCP_OFFER);
    server = ipv4_address(10, 0, 0, 2);
    reply(DHCP_NAK);
    server = ipv4_of_number(0);
    reply(DHCP_NAK);
    CHECK(d.state == DHCP_REQUESTING && did.sent == 2);
    server = ipv4_address(10, 0, 0, 2);
    reply(DHCP_ACK); /* as of a pair of servers that share their leases */
    dhcp_checked(&d, false, now);
    CHECK(did.holds && ip_equal(did.lease.server, server));

    pass();
    CHECK(d.state == DHCP_RENEWING);
    server = ipv4_address(10, 0, 0, 3);
    reply(DHCP_NAK);
    CHECK(d.state == DHCP_RENEWING && did.lost == 0);
    while (d.state != DHCP_REBINDING)
        pass();
    reply(DHCP_NAK); /* all are asked */
    CHECK(did.lost == 1);
}

/* Receives an OFFER and its ACK, each with these options. */
#define BECOME_BOUND(offer, ack)      \
    do {                              \
        SAY_TOO(offer);               \
        reply(DHCP_OFFER);            \
        SAY_TOO(ack);                 \
        reply(DHCP_ACK);              \
        dhcp_checked(&d, false, now); \
        CHECK(did.holds);             \
    } while (0)

/* RFC 1122, 3.2.1.1 */
TEST(without_a_netmask_the_prefix_is_that_of_the_class)
{
    static const uint8_t cases[][2] = {
        {1, 8}, {126, 8}, {128, 16}, {191, 16}, {192, 24}, {223, 24}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        start(true);
        offered = ipv4_address(cases[i][0], 1, 2, 3);
        reply(DHCP_OFFER);
        reply(DHCP_ACK);
        dhcp_checked(&d, false, now);
        CHECK(did.holds && did.lease.address.prefix == cases[i][1]);
    }
}

TEST(an_offer_without_an_identifier_is_not_of_the_server_before)
{
    become_bound();
    pass();
    reply(DHCP_NAK);
    pass();
    CHECK(type() == DHCP_DISCOVER);
    server = ipv4_of_number(0);
    reply(DHCP_OFFER);
    CHECK(type() == DHCP_REQUEST && get_be32(option(54)) == 0);
    /* Any server may be the one that refuses. */
    server = ipv4_address(10, 0, 0, 7);
    reply(DHCP_NAK);
    CHECK(d.state == DHCP_INIT);
}

TEST(a_server_without_an_identifier_is_asked_by_broadcast)
{
    start(true);
    server = ipv4_of_number(0);
    reply(DHCP_OFFER);
    CHECK(did.sent == 2 && type() == DHCP_REQUEST && has_option(50, offered));
    CHECK(option(54) && get_be32(option(54)) == 0);
    reply(DHCP_ACK);
    dhcp_checked(&d, false, now);
    CHECK(did.holds && ipv4_number(did.lease.server) == 0);
    pass();
    CHECK(d.state == DHCP_RENEWING && ipv4_number(did.to) == 0 && !option(54));
    reply(DHCP_ACK);
    CHECK(d.state == DHCP_BOUND && did.bound == 2);
    dhcp_release(&d, now);
    CHECK(type() == DHCP_RELEASE && ipv4_number(did.to) == 0);

    /* An identifier that is no host's address is repeated, but not sent to. */
    start(true);
    server = ipv4_of_number(0xffffffff);
    reply(DHCP_OFFER);
    CHECK(has_option(54, server));
    reply(DHCP_ACK);
    dhcp_checked(&d, false, now);
    pass();
    CHECK(d.state == DHCP_RENEWING && ipv4_number(did.to) == 0);
}

TEST(a_lease_without_a_time_lasts_an_hour)
{
    nanoseconds begun = now;

    start(true);
    answer(DHCP_OFFER, d.xid, ours, 0, 0, 0);
    CHECK(d.state == DHCP_REQUESTING);
    answer(DHCP_ACK, d.xid, ours, 0, 0, 0);
    dhcp_checked(&d, false, now);
    CHECK(did.holds && did.lease.end == begun + HOUR);
    pass();
    answer(DHCP_ACK, d.xid, ours, 0, 0, 0);
    CHECK(did.bound == 2 && did.lease.end == now + HOUR);
}

TEST(an_ack_keeps_the_offers_values_that_it_lacks)
{
    struct stackv4_address first;

    start(true);
    SAY_TOO("\x01\x04\xff\xff\xff\x00\x03\x04\x0a\x00\x00\x01"
            "\x06\x04\x0a\x00\x00\x35\x2a\x04\x0a\x00\x00\x7b"
            "\x1a\x02\x05\x14");
    answer(DHCP_OFFER, d.xid, ours, 7200, 3000, 6000);
    more_len = 0;
    answer(DHCP_ACK, d.xid, ours, 0, 0, 0);
    dhcp_checked(&d, false, now);
    first = did.lease.address;
    CHECK(first.prefix == 24 && did.lease.mtu == 1300);
    CHECK(ip_equal(first.gateway, ipv4_address(10, 0, 0, 1)));
    CHECK(first.dns_count == 1 && first.dns[0].byte[15] == 53);
    CHECK(first.ntp_count == 1 && first.ntp[0].byte[15] == 123);
    CHECK(did.lease.end == now + 2 * HOUR);
    CHECK(is_around(did.lease.t1, now, 3000 * SECOND, 2 * HOUR));
    CHECK(is_around(did.lease.t2, now, 6000 * SECOND, 2 * HOUR));
    /* Nor does a renewal without the options remove anything. */
    pass();
    answer(DHCP_ACK, d.xid, ours, 0, 0, 0);
    CHECK(did.bound == 2 && did.lease.end == now + 2 * HOUR);
    CHECK(memcmp(&first, &did.lease.address, sizeof first) == 0);
    /* Options that are present are used, and another address resets all. */
    pass();
    SAY_TOO("\x06\x04\x0a\x00\x00\x36");
    reply(DHCP_ACK);
    CHECK(did.lease.address.dns[0].byte[15] == 54);
    CHECK(did.lease.address.prefix == 24 && did.lease.end == now + HOUR);
    pass();
    more_len = 0;
    offered = ipv4_address(10, 0, 0, 51);
    reply(DHCP_ACK);
    dhcp_checked(&d, false, now);
    CHECK(did.lost == 1 && did.lease.address.prefix == 8);
    CHECK(did.lease.address.dns_count == 0 && did.lease.mtu == 0);
    CHECK(ipv4_number(did.lease.address.gateway) == 0);
}

TEST(an_offer_does_not_keep_values_of_an_earlier_one)
{
    start(true);
    SAY_TOO("\x01\x04\xff\xff\xff\x00\x03\x04\x0a\x00\x00\x01");
    reply(DHCP_OFFER);
    reply(DHCP_NAK);
    pass();
    BECOME_BOUND("", "");
    CHECK(did.lease.address.prefix == 8);
    CHECK(ipv4_number(did.lease.address.gateway) == 0);
}

TEST(a_gateway_that_is_not_on_the_link_is_left_out)
{
    /* The network is 10.0.0.0/24. */
    static const uint8_t wrong[][4] = {
        {10, 0, 1, 1},
        {10, 0, 0, 50},
        {10, 0, 0, 255},
        {10, 0, 0, 0},
        {192, 0, 2, 1},
    };

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        start(true);
        SAY_TOO("\x01\x04\xff\xff\xff\x00\x03\x04\x00\x00\x00\x00");
        memcpy(more + 8, wrong[i], 4);
        reply(DHCP_OFFER);
        reply(DHCP_ACK);
        dhcp_checked(&d, false, now);
        CHECK(did.holds && ipv4_number(did.lease.address.gateway) == 0);
        CHECK(did.lease.address.prefix == 24 && did.warned == 1);
        for (int k = 0; k < 9; k++) { /* and no word more */
            pass();
            reply(DHCP_ACK);
        }
        CHECK(did.bound == 10 && did.warned == 1);
    }
    start(true);
    BECOME_BOUND("\x01\x04\xff\xff\xff\x00\x03\x04\x0a\x00\x01\x01", "");
    CHECK_TEXT(did.warning, "DHCP: 10.0.1.1 is outside of our network, where a "
                            "gateway cannot be reached: the gateway is left "
                            "out");
}

TEST(with_a_prefix_of_32_bits_the_gateway_is_on_the_link)
{
    start(true); /* as on Google's cloud */
    BECOME_BOUND("\x01\x04\xff\xff\xff\xff\x03\x04\x0a\x80\x00\x01",
                 "\x01\x04\xff\xff\xff\xff\x03\x04\x0a\x80\x00\x01");
    CHECK(did.lease.address.prefix == 32 && did.warned == 0);
    CHECK(ip_equal(did.lease.address.gateway, ipv4_address(10, 128, 0, 1)));
}

TEST(a_route_without_a_router_makes_a_gateway_reachable)
{
    /* Option 121 alone: 10.128.0.1/32 is on the link, and the gateway. */
    start(true);
#define CLOUD "\x01\x04\xff\xff\xff\x00"                     \
              "\x79\x0e\x20\x0a\x80\x00\x01\x00\x00\x00\x00" \
              "\x00\x0a\x80\x00\x01"
    BECOME_BOUND(CLOUD, CLOUD);
    CHECK(ip_equal(did.lease.address.gateway, ipv4_address(10, 128, 0, 1)));
    CHECK(did.lease.address.route_count == 1 && did.warned == 0);
    CHECK(did.lease.address.routes[0].prefix == 32);
}

TEST(a_route_whose_router_is_not_on_the_link_is_left_out)
{
    start(true);
    SAY_TOO("\x01\x04\xff\xff\xff\x00"
            "\x79\x18\x08\x0b\x0a\x00\x00\x02"
            "\x08\x0c\x0a\x00\x01\x01"
            "\x08\x0d\x0a\x00\x00\x32"
            "\x08\x0e\x0a\x00\x00\x03");
    reply(DHCP_OFFER);
    reply(DHCP_ACK);
    dhcp_checked(&d, false, now);
    CHECK(did.lease.address.route_count == 2 && did.warned == 1);
    CHECK(did.lease.address.routes[0].network.byte[12] == 11);
    CHECK(did.lease.address.routes[1].network.byte[12] == 14);
    /* Routes after the last are zero. */
    CHECK(did.lease.address.routes[2].prefix == 0);
}

TEST(an_mtu_below_576_is_left_out)
{
    static const uint16_t mtu[] = {0, 1, 60, 68, 575, 576, 1400, 65535};

    for (size_t i = 0; i < sizeof mtu / sizeof *mtu; i++) {
        start(true);
        SAY_TOO("\x1a\x02\x00\x00");
        put_be16(more + 2, mtu[i]);
        reply(DHCP_OFFER);
        reply(DHCP_ACK);
        dhcp_checked(&d, false, now);
        CHECK(did.holds && did.lease.mtu == (mtu[i] < 576 ? 0 : mtu[i]));
        CHECK(did.warned == (mtu[i] > 0 && mtu[i] < 576));
    }
}

TEST(after_a_nak_to_an_offer_the_client_waits)
{
    start(true);
    reply(DHCP_OFFER);
    reply(DHCP_NAK);
    CHECK(d.state == DHCP_INIT && did.lost == 0);
    CHECK(dhcp_deadline(&d) - now == 10 * SECOND);
    pass();
    CHECK(type() == DHCP_DISCOVER);
}

TEST(an_address_in_use_is_declined_and_discovered_later)
{
    start(true);
    reply(DHCP_OFFER);
    reply(DHCP_ACK);
    dhcp_checked(&d, true, now);
    CHECK(type() == DHCP_DECLINE && has_option(50, offered) &&
          has_option(54, server));
    CHECK(get_be32(did.data + 12) == 0 && ipv4_number(did.to) == 0);
    CHECK(did.bound == 0 && dhcp_deadline(&d) - now == 10 * SECOND);
    dhcp_checked(&d, false, now); /* no probe is outstanding */
    CHECK(did.bound == 0);
    pass();
    CHECK(type() == DHCP_DISCOVER);
    become_bound();
    dhcp_conflict(&d, now);
    CHECK(did.lost == 1 && type() == DHCP_DECLINE);
    CHECK(dhcp_deadline(&d) - now == 10 * SECOND);
    dhcp_conflict(&d, now);
    CHECK(did.lost == 1);
}

TEST(the_lease_is_renewed_at_t1_by_its_server_only)
{
    become_bound();
    pass();
    CHECK(d.state == DHCP_RENEWING && type() == DHCP_REQUEST);
    CHECK(ip_equal(did.to, server) && has_option(50, ipv4_of_number(0)) &&
          has_option(54, ipv4_of_number(0)));
    CHECK(get_be32(did.data + 12) == ipv4_number(offered));
    now += SECOND;
    reply(DHCP_ACK);
    CHECK(d.state == DHCP_BOUND && did.bound == 2 && did.probes == 1);
    CHECK(did.lease.end == now - SECOND + HOUR && did.lost == 0);
}

TEST(renewal_is_repeated_after_half_of_the_time_left_and_broadcast_from_t2)
{
    unsigned renewing = 0, rebinding = 0;
    nanoseconds last;

    become_bound();
    pass();
    CHECK(dhcp_deadline(&d) - now == (did.lease.t2 - now) / 2);

    become_bound();
    last = now - HOUR;
    for (pass(); d.state == DHCP_RENEWING; pass()) {
        CHECK(ip_equal(did.to, server));
        CHECK(dhcp_deadline(&d) <= did.lease.t2);
        CHECK(now - last >= HOUR / 8);
        last = now;
        renewing++;
    }
    CHECK(now == did.lease.t2);
    for (; d.state == DHCP_REBINDING; pass()) {
        CHECK(ipv4_number(did.to) == 0 && type() == DHCP_REQUEST);
        CHECK(get_be32(did.data + 12) == ipv4_number(offered));
        CHECK(now - last >= HOUR / 8);
        last = now;
        rebinding++;
    }
    CHECK(renewing >= 1 && renewing <= 3 && rebinding >= 1 && rebinding <= 2);
    CHECK(now == did.lease.end && did.lost == 1);
    if (type() == DHCP_REQUEST) /* the last was less than 2 s ago */
        pass();
    CHECK(d.state == DHCP_SELECTING && type() == DHCP_DISCOVER);
    CHECK(now <= did.lease.end + 2 * SECOND);
}

/* RFC 2131, 4.4.5 */
TEST(a_request_is_repeated_after_a_minute_or_more_or_at_t2)
{
    for (uint32_t seconds = 240; seconds < 480; seconds += 16) {
        nanoseconds last;

        start(true);
        reply(DHCP_OFFER);
        answer(DHCP_ACK, d.xid, ours, seconds, 0, 0);
        dhcp_checked(&d, false, now);
        CHECK(d.state == DHCP_BOUND);
        pass();
        for (last = now; did.holds; last = now) {
            pass();
            CHECK(now - last >= 60 * SECOND || now == did.lease.t2 ||
                  now == did.lease.end);
        }
    }
}

/* The shortest time between two of a hundred REQUESTs, to a server that grants
 * such leases. */
static nanoseconds least_between(uint32_t lease, uint32_t t1, uint32_t t2)
{
    nanoseconds least = FOREVER, last;

    start(true);
    answer(DHCP_OFFER, d.xid, ours, lease, t1, t2);
    for (int i = 0; i < 100; i++) {
        last = now;
        answer(DHCP_ACK, d.xid, ours, lease, t1, t2);
        dhcp_checked(&d, false, now);
        pass();
        CHECK(type() == DHCP_REQUEST && did.lost == 0);
        if (now - last < least)
            least = now - last;
    }
    return least;
}

TEST(a_lease_is_renewed_at_most_once_in_an_eighth_of_it)
{
    static const uint32_t leases[] = {1, 2, 9, 10, 11, 60, 3600, 86400};
    static const uint32_t times[][2] = {
        {0, 0},
        {1, 1},
        {1, 2},
        {2, 1},
        {1, 0},
        {0, 1},
        {0xffffffff, 1},
    };

    for (size_t i = 0; i < sizeof leases / sizeof *leases; i++)
        for (size_t k = 0; k < sizeof times / sizeof *times; k++) {
            nanoseconds held = leases[i] < 10 ? 10 : leases[i];
            nanoseconds least = least_between(leases[i], times[k][0],
                                              times[k][1]);

            CHECK(least >= SECOND && least >= held * SECOND / 8);
            CHECK(did.warned == (leases[i] < 10));
        }
    start(true);
    reply(DHCP_OFFER);
    answer(DHCP_ACK, d.xid, ours, 0xfffffffe, 1, 2);
    dhcp_checked(&d, false, now);
    CHECK(dhcp_deadline(&d) - now > 16 * 365 * DAY);
}

TEST(a_renewal_at_the_end_of_the_clock_is_not_repeated_at_once)
{
    nanoseconds before = now;

    become_bound();
    /* A lease of which an eighth is more than the clock has left. */
    d.lease.t1 = now;
    d.lease.t2 = d.lease.end = FOREVER - SECOND;
    d.interval = FOREVER / 2;
    d.deadline = now = FOREVER - 10 * SECOND;
    dhcp_tick(&d, now);
    CHECK(type() == DHCP_REQUEST && dhcp_deadline(&d) == d.lease.end);
    now = before;
}

TEST(a_server_that_refuses_each_renewal_causes_no_fast_loop)
{
    nanoseconds last, begun;
    unsigned before;

    /* Such a server, and one that does not answer renewals. */
    for (int silent = 0; silent < 2; silent++) {
        start(true);
        last = 0;
        begun = now;
        before = 0;
        while (now < begun + 200 * SECOND) {
            if (did.sent == before) {
                pass();
                continue;
            }
            before = did.sent;
            if (type() == DHCP_REQUEST) {
                CHECK(last == 0 || now - last >= 10 * SECOND / 8);
                last = now;
            }
            if (type() == DHCP_DISCOVER) {
                answer(DHCP_OFFER, d.xid, ours, 1, 1, 9);
            } else if (d.state == DHCP_REQUESTING) {
                answer(DHCP_ACK, d.xid, ours, 1, 1, 9);
                dhcp_checked(&d, false, now);
            } else if (!silent) {
                reply(DHCP_NAK);
            }
        }
        CHECK(did.lost > 10);
    }
}

TEST(a_server_that_falls_silent_is_not_flooded_whatever_its_times)
{
    static const uint32_t leases[] = {1, 10, 60, 3600, 86400};

    for (size_t i = 0; i < sizeof leases / sizeof *leases; i++)
        for (uint32_t k = 0; k < 32; k++) {
            uint32_t lease = leases[i], t1 = lease * k / 32;
            nanoseconds held = (lease < 10 ? 10 : lease) * SECOND, last = now;
            unsigned requests = 0, to_all = 0;

            start(true);
            answer(DHCP_OFFER, d.xid, ours, lease, t1, t1 + 1);
            answer(DHCP_ACK, d.xid, ours, lease, t1, t1 + 1);
            dhcp_checked(&d, false, now);
            for (pass(); did.lost == 0; pass()) {
                CHECK(type() == DHCP_REQUEST);
                CHECK(now - last >= SECOND && now - last >= held / 8);
                last = now;
                requests++;
                to_all += ipv4_number(did.to) == 0;
            }
            CHECK(requests <= 8);
            CHECK(to_all > 0);
        }
}

TEST(t1_and_t2_differ_from_one_lease_to_the_next)
{
    nanoseconds t1 = 0, t2 = 0;
    unsigned same = 0;

    for (int i = 0; i < 20; i++) {
        become_bound();
        CHECK(is_around(did.lease.t1, now, HOUR / 2, HOUR));
        CHECK(is_around(did.lease.t2, now, HOUR - HOUR / 8, HOUR));
        same += did.lease.t1 - now == t1 || did.lease.t2 - now == t2;
        t1 = did.lease.t1 - now;
        t2 = did.lease.t2 - now;
    }
    CHECK(same < 3);
}

TEST(from_t2_on_any_server_may_extend_the_lease)
{
    become_bound();
    for (pass(); d.state != DHCP_REBINDING; pass())
        continue;
    server = ipv4_address(10, 0, 0, 2);
    reply(DHCP_ACK);
    CHECK(d.state == DHCP_BOUND && did.lost == 0 && did.bound == 2);
    pass();
    CHECK(ip_equal(did.to, server));
    server = ipv4_of_number(0); /* without an identifier */
    reply(DHCP_ACK);
    pass();
    CHECK(ip_equal(did.to, ipv4_address(10, 0, 0, 2)));
}

TEST(another_address_than_before_is_probed_and_reported)
{
    become_bound();
    pass();
    offered = ipv4_address(10, 0, 0, 51);
    reply(DHCP_ACK);
    CHECK(did.lost == 1 && d.state == DHCP_PROBING && did.probes == 2);
    CHECK(ip_equal(did.probed, offered));
    dhcp_checked(&d, false, now);
    CHECK(did.bound == 2 && ip_equal(did.lease.address.ip, offered));
}

TEST(a_nak_ends_the_lease_at_once)
{
    become_bound();
    reply(DHCP_NAK); /* without a request */
    CHECK(did.lost == 0);
    pass();
    reply(DHCP_NAK);
    CHECK(did.lost == 1 && dhcp_deadline(&d) - now == 2 * SECOND);
    pass();
    CHECK(type() == DHCP_DISCOVER);
}

/* RFC 2131, table 1 */
TEST(secs_counts_from_the_beginning_of_an_exchange)
{
    nanoseconds began;

    start(true);
    began = now;
    CHECK(get_be16(did.data + 8) == 0);
    pass();
    pass();
    CHECK(now - began >= 10 * SECOND);
    CHECK(get_be16(did.data + 8) == (now - began) / SECOND);
    reply(DHCP_OFFER);
    reply(DHCP_ACK);
    dhcp_checked(&d, false, now);
    pass();
    CHECK(d.state == DHCP_RENEWING && get_be16(did.data + 8) == 0);
    began = now;
    pass();
    CHECK(get_be16(did.data + 8) == (now - began) / SECOND);
    dhcp_link(&d, false, now);
    dhcp_link(&d, true, now);
    CHECK(d.state == DHCP_REBOOTING && get_be16(did.data + 8) == 0);
}

static uint32_t sent_xid(void)
{
    return get_be32(did.data + 4);
}

/* RFC 2131, 4.1. A renewal may be days after the last message, and what was
 * overheard then must not be a valid answer now. */
TEST(each_exchange_has_an_xid_of_its_own_and_each_retransmission_the_same)
{
    uint32_t old;

    start(true);
    old = sent_xid();
    pass();
    CHECK(type() == DHCP_DISCOVER && sent_xid() == old);
    reply(DHCP_OFFER);
    CHECK(type() == DHCP_REQUEST && sent_xid() == old);
    reply(DHCP_ACK);
    dhcp_checked(&d, false, now);
    pass();
    CHECK(d.state == DHCP_RENEWING && sent_xid() != old);
    answer(DHCP_NAK, old, ours, 0, 0, 0);
    answer(DHCP_ACK, old, ours, LEASE, 0, 0);
    CHECK(d.state == DHCP_RENEWING && did.bound == 1 && did.lost == 0);
    old = sent_xid();
    while (d.state == DHCP_RENEWING)
        pass();
    CHECK(d.state == DHCP_REBINDING && sent_xid() == old);
    reply(DHCP_ACK);
    CHECK(d.state == DHCP_BOUND && did.bound == 2);
    dhcp_link(&d, false, now);
    dhcp_link(&d, true, now);
    CHECK(d.state == DHCP_REBOOTING && sent_xid() != old);
    old = sent_xid();
    reply(DHCP_NAK);
    pass();
    CHECK(type() == DHCP_DISCOVER && sent_xid() != old);
}

TEST(after_the_link_was_down_the_lease_is_verified)
{
    become_bound();
    dhcp_link(&d, false, now);
    CHECK(d.state == DHCP_OFF && did.lost == 0);
    CHECK(dhcp_deadline(&d) == did.lease.end);
    dhcp_link(&d, true, now += 60 * SECOND);
    CHECK(d.state == DHCP_REBOOTING && type() == DHCP_REQUEST);
    CHECK(has_option(50, offered) && has_option(54, ipv4_of_number(0)));
    CHECK(get_be32(did.data + 12) == 0 && ipv4_number(did.to) == 0);
    reply(DHCP_ACK);
    CHECK(d.state == DHCP_BOUND && did.bound == 2);

    dhcp_link(&d, false, now);
    dhcp_link(&d, true, now);
    dhcp_link(&d, true, now); /* which is no news */
    reply(DHCP_NAK);
    CHECK(did.lost == 1);
    pass();
    CHECK(type() == DHCP_DISCOVER);

    become_bound();
    dhcp_link(&d, false, now);
    dhcp_link(&d, true, now);
    pass();
    pass();
    CHECK(type() == DHCP_REQUEST && did.sent == 5);
    pass(); /* no answer: 3.2, 3 */
    CHECK(d.state == DHCP_BOUND && did.lost == 0 && did.sent == 5);
    CHECK(dhcp_deadline(&d) == did.lease.t1);
}

TEST(a_lease_expires_while_the_link_is_down_and_while_it_is_verified)
{
    become_bound();
    dhcp_link(&d, false, now);
    pass();
    CHECK(did.lost == 1 && dhcp_deadline(&d) == FOREVER);
    dhcp_link(&d, true, now);
    CHECK(type() == DHCP_DISCOVER);

    become_bound();
    dhcp_link(&d, false, now);
    now = did.lease.end - SECOND;
    dhcp_link(&d, true, now);
    CHECK(d.state == DHCP_REBOOTING && dhcp_deadline(&d) <= did.lease.end);
    pass();
    CHECK(did.lost == 1 && now == did.lease.end);
    pass();
    CHECK(d.state == DHCP_SELECTING);
}

TEST(without_a_link_nothing_is_sent)
{
    start(false);
    CHECK(did.sent == 0 && dhcp_deadline(&d) == FOREVER);
    reply(DHCP_OFFER);
    CHECK(did.sent == 0);
    dhcp_link(&d, true, now);
    CHECK(did.sent == 1);
    dhcp_link(&d, false, now);
    CHECK(dhcp_deadline(&d) == FOREVER);
}

TEST(an_infinite_lease_is_not_renewed)
{
    start(true);
    reply(DHCP_OFFER);
    answer(DHCP_ACK, d.xid, ours, 0xffffffff, 0, 0);
    dhcp_checked(&d, false, now);
    CHECK(did.holds && dhcp_deadline(&d) == FOREVER);
    CHECK(did.lease.end == FOREVER && did.lease.t2 == FOREVER);
}

TEST(a_lease_beyond_the_range_of_the_clock_is_infinite)
{
    nanoseconds before = now;

    start(true);
    now = FOREVER - 3600 * SECOND;
    reply(DHCP_OFFER);
    answer(DHCP_ACK, d.xid, ours, 0xfffffffe, 0, 0);
    dhcp_checked(&d, false, now);
    CHECK(did.holds && dhcp_deadline(&d) == FOREVER);
    CHECK(did.lease.end == FOREVER && did.lease.t1 == FOREVER);
    now = before;
}

TEST(impossible_times_are_replaced)
{
    static const uint32_t times[][2] = {
        {0, 0}, {3600, 3600}, {4000, 5000}, {3000, 2000}, {1, 1}, {0, 1}};

    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        start(true);
        reply(DHCP_OFFER);
        answer(DHCP_ACK, d.xid, ours, LEASE, times[i][0], times[i][1]);
        dhcp_checked(&d, false, now);
        CHECK(did.lease.t1 <= did.lease.t2 && did.lease.t2 < did.lease.end);
        CHECK(did.lease.t1 > now && did.lease.end == now + HOUR);
    }
}

TEST(a_lease_of_a_second_is_held_for_ten_and_logged)
{
    nanoseconds begun = now;

    start(true);
    reply(DHCP_OFFER);
    answer(DHCP_ACK, d.xid, ours, 1, 0, 0);
    dhcp_checked(&d, false, now);
    CHECK(did.lease.end == begun + 10 * SECOND);
    CHECK(did.warned == 1);
    CHECK_TEXT(did.warning, "DHCP: 10.0.0.50 is granted for 1 s, and held for "
                            "10 s");
    for (int i = 0; i < 5 && did.holds; i++)
        pass();
    CHECK(!did.holds && did.lost == 1);
    CHECK(now == begun + 10 * SECOND && did.sent <= 6);
    if (d.state == DHCP_INIT)
        pass();
    CHECK(d.state == DHCP_SELECTING);
}

TEST(a_lease_is_released)
{
    become_bound();
    dhcp_release(&d, now);
    CHECK(type() == DHCP_RELEASE && ip_equal(did.to, server));
    CHECK(get_be32(did.data + 12) == ipv4_number(offered) &&
          has_option(54, server));
    CHECK(dhcp_deadline(&d) == FOREVER);
    dhcp_release(&d, now);
    CHECK(did.sent == 3);
}

TEST(a_month_of_leases_survives_a_day_without_a_server)
{
    nanoseconds began, silent;
    unsigned sent;

    become_bound();
    began = now;
    silent = began + 10 * DAY;
    while (now < began + 30 * DAY) {
        sent = did.sent;
        pass();
        if (d.state == DHCP_PROBING)
            dhcp_checked(&d, false, now);
        if (did.sent == sent || (now >= silent && now < silent + DAY))
            continue;
        reply(type() == DHCP_DISCOVER ? DHCP_OFFER : DHCP_ACK);
        if (d.state == DHCP_REQUESTING)
            reply(DHCP_ACK);
        if (d.state == DHCP_PROBING)
            dhcp_checked(&d, false, now);
    }
    CHECK(did.lost == 1 && did.holds && d.has_lease);
    /* T1 is randomised, and so is their number: by 1.4 in a month. */
    CHECK(did.bound > 29 * 48 - 15 && did.bound < 29 * 48 + 15);
}

/* A random event, and the invariants after it. */
static void turn(void)
{
    nanoseconds until = dhcp_deadline(&d);

    switch (random_below(12)) {
    case 0:
        dhcp_link(&d, random_below(4) != 0, now);
        break;
    case 1:
        dhcp_conflict(&d, now);
        break;
    case 2:
    case 3:
        dhcp_checked(&d, random_below(4) == 0, now);
        break;
    case 4:
        answer((enum dhcp_type)random_below(9), d.xid - (random_below(8) == 0),
               ours, random_below(3) ? random_below(10000) : 0,
               random_below(5000), random_below(9000));
        break;
    case 5:
        reply(DHCP_NAK);
        break;
    case 6:
        offered.byte[15] = (uint8_t)random_below(4);
        break;
    case 7:
    case 8:
        reply(DHCP_OFFER);
        break;
    case 9:
    case 10:
        reply(DHCP_ACK);
        break;
    default: /* late, too */
        if (until == FOREVER || random_below(2))
            until = now + random_below(100000) * SECOND / 10;
        now = until > now ? until : now;
        break;
    }
    dhcp_tick(&d, now);
}

TEST(after_any_events_there_is_a_deadline_and_no_expired_lease)
{
    for (int seed = 0; seed < 2000; seed++) {
        start(true);
        for (int i = 0; i < 200; i++) {
            turn();
            CHECK(dhcp_deadline(&d) != FOREVER || d.state == DHCP_OFF ||
                  d.state == DHCP_PROBING ||
                  (d.state == DHCP_BOUND && d.lease.end == FOREVER));
            CHECK(did.holds == d.has_lease);
            CHECK(!did.holds || now < did.lease.end);
            CHECK(did.lost <= did.bound);
        }
    }
}
