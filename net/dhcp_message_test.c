/* SPDX-License-Identifier: ISC */
/* Parsing and emission of DHCP messages. */
#include "check.h"
#include "dhcp_message.h"
#include <mirage/bytes.h>

#define OPTIONS 240
#define FILE    108
#define SNAME   44

static const struct mac ours = {{2, 0, 0, 0, 0, 9}};

/* A reply without options, which are appended. */
static size_t begin(uint8_t *p)
{
    memset(p, 0, OPTIONS);
    memcpy(p, "\x02\x01\x06\x00\xde\xad\xbe\xef", 8);
    memcpy(p + 16, "\xc0\xa8\x40\x07", 4);
    memcpy(p + 28, ours.byte, 6);
    memcpy(p + 236, "\x63\x82\x53\x63", 4);
    return OPTIONS;
}

static size_t put(uint8_t *p, size_t at, const void *options, size_t len)
{
    memcpy(p + at, options, len);
    return at + len;
}

/* A reply with the options of the string literal o. */
#define REPLY(p, o) put(p, begin(p), o, sizeof o - 1)

TEST(a_servers_offer_is_parsed)
{
    uint8_t p[600];
    struct dhcp_reply r;
    size_t len = REPLY(p, "\x35\x01\x02"
                          "\x36\x04\xc0\xa8\x40\x01"
                          "\x33\x04\x00\x00\x0e\x10"
                          "\x3a\x04\x00\x00\x07\x08"
                          "\x3b\x04\x00\x00\x0c\x4e"
                          "\x01\x04\xff\xff\xff\x00"
                          "\x1c\x04\xc0\xa8\x40\xff"
                          "\x03\x04\xc0\xa8\x40\x01"
                          "\x06\x08\xc0\xa8\x40\x01"
                          "\x08\x08\x08\x08"
                          "\x2a\x04\xc0\xa8\x40\x02"
                          "\x1a\x02\x05\x78"
                          "\x00\x00\xff");

    CHECK(dhcp_parse(p, len, &r));
    CHECK(r.type == DHCP_OFFER && r.xid == 0xdeadbeef);
    CHECK(mac_equal(r.mac, ours));
    CHECK(ip_equal(r.yours, ipv4_address(192, 168, 64, 7)));
    CHECK(ip_equal(r.server, ipv4_address(192, 168, 64, 1)));
    CHECK(ip_equal(r.router, ipv4_address(192, 168, 64, 1)));
    CHECK(r.has_lease && r.lease == 3600 && r.t1 == 1800 && r.t2 == 3150);
    CHECK(r.prefix == 24 && r.mtu == 1400);
    CHECK(r.dns_count == 2 && ip_equal(r.dns[1], ipv4_address(8, 8, 8, 8)));
    CHECK(r.ntp_count == 1 &&
          ip_equal(r.ntp[0], ipv4_address(192, 168, 64, 2)));
}

TEST(absent_options_are_zero)
{
    uint8_t p[300];
    struct dhcp_reply r;

    CHECK(dhcp_parse(p, REPLY(p, "\x35\x01\x06\xff"), &r));
    CHECK(r.type == DHCP_NAK && !r.has_lease && r.lease == 0);
    CHECK(r.prefix == 0 && r.mtu == 0 && r.dns_count == 0 &&
          r.ntp_count == 0);
    CHECK(ipv4_number(r.server) == 0 && ipv4_number(r.router) == 0);
}

TEST(options_continue_in_the_fields_file_and_sname)
{
    uint8_t p[300];
    struct dhcp_reply r;

    for (int overload = 0; overload <= 3; overload++) {
        size_t len = REPLY(p, "\x34\x01\x00\x35\x01\x05\xff");

        p[OPTIONS + 2] = (uint8_t)overload;
        put(p, FILE, "\x33\x04\x00\x00\x00\x3c\xff", 7);
        put(p, SNAME, "\x36\x04\x0a\x00\x00\x01\xff", 7);
        CHECK(dhcp_parse(p, len, &r));
        CHECK(r.has_lease == ((overload & 1) != 0));
        CHECK((ipv4_number(r.server) != 0) == ((overload & 2) != 0));
    }
}

TEST(a_split_option_is_concatenated)
{
    uint8_t p[300];
    struct dhcp_reply r;
    size_t len;

    /* RFC 3396: in the order options, file, sname. */
    CHECK(dhcp_parse(p,
                     REPLY(p, "\x35\x01\x05"
                              "\x06\x03\x0a\x00\x00\x03\x04\x0a\x00\x00\x01"
                              "\x06\x05\x01\x0a\x00\x00\x02\xff"),
                     &r));
    CHECK(r.dns_count == 2);
    CHECK(ip_equal(r.dns[0], ipv4_address(10, 0, 0, 1)) &&
          ip_equal(r.dns[1], ipv4_address(10, 0, 0, 2)));
    len = REPLY(p, "\x34\x01\x03\x35\x01\x05\x33\x01\x00\xff");
    put(p, FILE, "\x33\x01\x01\xff", 4);
    put(p, SNAME, "\x33\x02\x02\x03\xff", 5);
    CHECK(dhcp_parse(p, len, &r) && r.has_lease && r.lease == 0x00010203);
}

TEST(lists_keep_three_host_addresses)
{
    uint8_t p[300];
    struct dhcp_reply r;

    CHECK(dhcp_parse(p,
                     REPLY(p, "\x35\x01\x05"
                              "\x06\x14\x0a\x00\x00\x01\x00\x00\x00\x00"
                              "\x0a\x00\x00\x03\x0a\x00\x00\x04"
                              "\x0a\x00\x00\x05"
                              "\x2a\x05\x0a\x00\x00\x01\x0a\xff"),
                     &r));
    CHECK(r.dns_count == 3 && r.ntp_count == 1);
    CHECK(ip_equal(r.dns[1], ipv4_address(10, 0, 0, 3)));
}

TEST(options_of_a_wrong_length_or_value_are_ignored)
{
    uint8_t p[300];
    struct dhcp_reply r;

    CHECK(dhcp_parse(p,
                     REPLY(p, "\x35\x01\x05"
                              "\x33\x03\x00\x0e\x10"
                              "\x3a\x05\x00\x00\x07\x08\x09"
                              "\x01\x04\xff\x00\xff\x00"
                              "\x1a\x01\x43\xff"),
                     &r));
    CHECK(!r.has_lease && r.t1 == 0 && r.prefix == 0 && r.mtu == 0);
}

TEST(an_option_beyond_its_field_ends_the_options)
{
    uint8_t p[300];
    struct dhcp_reply r;
    size_t len = REPLY(p, "\x35\x01\x05\x33\x04\x00\x00\x00\x3c");

    CHECK(dhcp_parse(p, len, &r) && r.lease == 60);
    for (size_t cut = len - 1; cut >= OPTIONS + 3; cut--)
        CHECK(dhcp_parse(p, cut, &r) && r.type == DHCP_ACK && !r.has_lease);
    for (size_t cut = 0; cut < OPTIONS + 3; cut++)
        CHECK(!dhcp_parse(p, cut, &r));
    len = REPLY(p, "\x34\x01\x01\x35\x01\x05\xff");
    memset(p + FILE, 0, 128);
    put(p, FILE + 116, "\x3a\x02\x00\x00\x33\x07\x00\x00\x00\x3c", 10);
    CHECK(dhcp_parse(p, len, &r) && !r.has_lease);
}

TEST(of_a_repeated_number_the_first_is_used)
{
    uint8_t p[300];
    struct dhcp_reply r;

    CHECK(dhcp_parse(p,
                     REPLY(p, "\x35\x01\x05"
                              "\x33\x04\x00\x00\x00\x3c"
                              "\x36\x04\x0a\x00\x00\x01"
                              "\x33\x04\x00\x00\x00\x3d"
                              "\x36\x04\x0a\x00\x00\x02\xff"),
                     &r));
    CHECK(r.lease == 60 && ip_equal(r.server, ipv4_address(10, 0, 0, 1)));
}

/* Routes in wire format. */
#define BY_9       "\x0a\x00\x00\x09"
#define TO_10_N(n) "\x18\x0a\x01" n BY_9

TEST(classless_routes_replace_the_router)
{
    uint8_t p[600];
    struct dhcp_reply r;

    CHECK(dhcp_parse(p,
                     REPLY(p, "\x35\x01\x05\x03\x04\x0a\x00\x00\x01"
                              "\x79\x17\x0d\xac\x1f\x0a\x00\x00\x02"
                              "\x20\x0a\x00\x00\x03\x00\x00\x00\x00"
                              "\x00\x0a\x00\x00\x04\x00\x0a\xff"),
                     &r));
    CHECK(r.has_routing && ip_equal(r.router, ipv4_address(10, 0, 0, 4)));
    CHECK(r.route_count == 2 && r.routes_left_out == 0);
    CHECK(r.routes[0].prefix == 13); /* bits after it are zero */
    CHECK(ip_equal(r.routes[0].network, ipv4_address(172, 24, 0, 0)));
    CHECK(ip_equal(r.routes[0].router, ipv4_address(10, 0, 0, 2)));
    CHECK(r.routes[1].prefix == 32 && ipv4_number(r.routes[1].router) == 0);
    CHECK(ip_equal(r.routes[1].network, ipv4_address(10, 0, 0, 3)));

    /* Without a default route there is no gateway, even with option 3. */
    CHECK(dhcp_parse(p,
                     REPLY(p, "\x35\x01\x05\x03\x04\x0a\x00\x00\x01"
                              "\x79\x08" TO_10_N("\x01") "\xff"),
                     &r));
    CHECK(r.has_routing && ipv4_number(r.router) == 0 && r.route_count == 1);
    CHECK(ip_equal(r.routes[0].network, ipv4_address(10, 1, 1, 0)));

    /* Everything on the link; the first default route is used. */
    CHECK(dhcp_parse(p,
                     REPLY(p, "\x35\x01\x05\x79\x0a\x00\x00\x00\x00\x00"
                              "\x00" BY_9 "\xff"),
                     &r));
    CHECK(ipv4_number(r.router) == 0 && r.route_count == 1);
    CHECK(r.routes[0].prefix == 0 && ipv4_number(r.routes[0].router) == 0);
}

/* Ten routes and a default route, in a split option (RFC 3396). */
/* clang-format off */
#define TEN_ROUTES                                                    \
    "\x79\x20" TO_10_N("\x01") TO_10_N("\x02") TO_10_N("\x03")        \
    TO_10_N("\x04")                                                   \
    "\x79\x35" TO_10_N("\x05") TO_10_N("\x06") TO_10_N("\x07")        \
    TO_10_N("\x08") TO_10_N("\x09") TO_10_N("\x0a")                   \
    "\x00\x0a\x00\x00\x04\xff"
/* clang-format on */

TEST(eight_routes_besides_the_default_are_kept)
{
    uint8_t p[600];
    struct dhcp_reply r;

    CHECK(dhcp_parse(p, REPLY(p, "\x35\x01\x05" TEN_ROUTES), &r));
    CHECK(ip_equal(r.router, ipv4_address(10, 0, 0, 4)));
    CHECK(r.route_count == 8 && r.routes_left_out == 2);
    CHECK(ip_equal(r.routes[7].network, ipv4_address(10, 1, 8, 0)));
}

/* Each in three parts of 255 bytes: RFC 3396 sets no limit. */
TEST(options_longer_than_their_place_are_cut)
{
    static const uint8_t codes[] = {1, 3, 6, 26, 42, 51,
                                    52, 53, 54, 58, 59, 121};

    for (size_t i = 0; i < sizeof codes; i++) {
        uint8_t p[OPTIONS + 3 + 3 * 257 + 1];
        struct dhcp_reply r;
        size_t at = REPLY(p, "\x35\x01\x05");

        for (int part = 0; part < 3; part++) {
            p[at] = codes[i];
            p[at + 1] = 255;
            memset(p + at + 2, 8, 255);
            at += 257;
        }
        p[at] = 255;
        CHECK(dhcp_parse(p, sizeof p, &r) && r.type == DHCP_ACK);
        CHECK(r.dns_count <= DHCP_SERVERS && r.ntp_count <= DHCP_SERVERS);
        CHECK(r.route_count <= IPV4_ROUTES);
    }
}

TEST(a_route_with_a_prefix_above_32_is_malformed)
{
    for (unsigned prefix = 32; prefix < 256; prefix++) {
        uint8_t p[300];
        struct dhcp_reply r;
        size_t at = REPLY(p, "\x35\x01\x05\x79\x28");

        memset(p + at, 0, 40);
        p[at] = (uint8_t)prefix;
        p[at + 40] = 255;
        CHECK(dhcp_parse(p, at + 41, &r));
        CHECK((r.route_count > 0) == (prefix == 32));
    }
}

TEST(a_malformed_route_ends_the_list)
{
    static const uint8_t wrong[][6] = {
        {33, 1, 2, 3, 4, 5},
        {255, 0, 0, 0, 0, 0},
        {0, 1, 2, 3},
        {24, 10, 1, 1},
    };
    uint8_t p[300];
    struct dhcp_reply r;

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        size_t at = REPLY(p, "\x35\x01\x05\x03\x04\x0a\x00\x00\x01\x79\x0c"
                             "\x08\x0b" BY_9);

        at = put(p, at, wrong[i], 6);
        p[at] = 255;
        if (i >= 2) /* cut */
            p[OPTIONS + 10] = 10;
        CHECK(dhcp_parse(p, at + 1, &r) && r.has_routing);
        CHECK(r.route_count == 1 && ipv4_number(r.router) == 0);
        /* Without a valid route the list is empty. */
        at = REPLY(p, "\x35\x01\x05\x03\x04\x0a\x00\x00\x01\x79\x04");
        p[put(p, at, wrong[i], 4)] = 255;
        CHECK(dhcp_parse(p, at + 5, &r) && r.has_routing);
        CHECK(r.route_count == 0 &&
              ip_equal(r.router, ipv4_address(10, 0, 0, 1)));
    }
}

TEST(messages_that_are_no_reply_to_an_ethernet_client_are_refused)
{
    static const size_t place[] = {0, 2, 236, 239};
    uint8_t p[300];
    struct dhcp_reply r;
    size_t len = REPLY(p, "\x35\x01\x05\xff");

    for (size_t i = 0; i < sizeof place / sizeof *place; i++) {
        p[place[i]] ^= 4;
        CHECK(!dhcp_parse(p, len, &r));
        p[place[i]] ^= 4;
    }
    CHECK(dhcp_parse(p, len, &r));
    for (int type = 0; type < 256; type++) {
        p[OPTIONS + 2] = (uint8_t)type;
        CHECK(dhcp_parse(p, len, &r) ==
              (type == DHCP_OFFER || type == DHCP_ACK || type == DHCP_NAK));
    }
    CHECK(!dhcp_parse(p, REPLY(p, "\x33\x04\x00\x00\x00\x3c\xff"), &r));
}

static const uint8_t *option(const uint8_t *p, size_t len, uint8_t code,
                             size_t want)
{
    for (size_t at = OPTIONS; at + 1 < len && p[at] != 255;
         at += 2u + p[at + 1])
        if (p[at] == code) {
            CHECK(p[at + 1] == want);
            return p + at + 2;
        }
    return NULL;
}

TEST(a_request_has_the_given_options_and_300_bytes_at_least)
{
    struct dhcp_request r = {.type = DHCP_DISCOVER,
                             .xid = 0x01020304,
                             .seconds = 515,
                             .mac = ours};
    uint8_t p[DHCP_REQUEST_LEN];
    size_t len;

    r.own = r.wanted = r.server = ipv4_of_number(0);
    len = dhcp_emit(&r, p);
    CHECK(len == 300);
    CHECK(memcmp(p, "\x01\x01\x06\x00\x01\x02\x03\x04\x02\x03\x00\x00", 12) ==
          0);
    CHECK(get_be32(p + 12) == 0 && memcmp(p + 28, ours.byte, 6) == 0);
    CHECK(get_be32(p + 236) == 0x63825363);
    CHECK(memcmp(p + OPTIONS, "\x35\x01\x01\x3d\x07\x01\x02\0\0\0\0\x09",
                 12) == 0);
    CHECK(!option(p, len, 50, 4) && !option(p, len, 54, 4) &&
          !option(p, len, 12, 0));
    CHECK(memcmp(option(p, len, 55, 9), "\x01\x79\x03", 3) == 0);
    CHECK(option(p, len, 55, 9) != NULL && option(p, len, 57, 2) != NULL);

    r.type = DHCP_REQUEST;
    r.own = ipv4_address(10, 0, 0, 3);
    r.wanted = ipv4_address(10, 0, 0, 4);
    r.server = ipv4_address(10, 0, 0, 1);
    r.host = "larch";
    len = dhcp_emit(&r, p);
    CHECK(get_be32(p + 12) == 0x0a000003);
    CHECK(memcmp(option(p, len, 50, 4), "\x0a\x00\x00\x04", 4) == 0);
    CHECK(memcmp(option(p, len, 54, 4), "\x0a\x00\x00\x01", 4) == 0);
    CHECK(memcmp(option(p, len, 12, 5), "larch", 5) == 0);

    r.server = ipv4_of_number(0); /* of a server without an identifier */
    r.selects = true;
    CHECK(memcmp(option(p, dhcp_emit(&r, p), 54, 4), "\0\0\0\0", 4) == 0);
    r.selects = false;
    CHECK(!option(p, dhcp_emit(&r, p), 54, 4));

    r.type = DHCP_RELEASE; /* table 5: no such parameters */
    len = dhcp_emit(&r, p);
    CHECK(!option(p, len, 12, 0) && !option(p, len, 55, 0) &&
          !option(p, len, 57, 0));
}

TEST(the_longest_request_fits)
{
    char name[301];
    struct dhcp_request r = {.type = DHCP_REQUEST, .mac = ours, .host = name};
    uint8_t p[DHCP_REQUEST_LEN];
    size_t len;

    memset(name, 'x', 300);
    name[300] = 0;
    r.own = r.wanted = r.server = ipv4_of_number(0xffffffff);
    len = dhcp_emit(&r, p);
    CHECK(len > 300 && len <= sizeof p && p[len - 1] == 255);
    CHECK(option(p, len, 12, 63) != NULL);
    name[0] = 0;
    CHECK(!option(p, dhcp_emit(&r, p), 12, 0));
}
