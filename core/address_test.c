/* SPDX-License-Identifier: ISC */
/* Tests of addresses as text, and of networks. */
#include "check.h"
#include <mirage.h>

TEST(an_ipv4_address_is_parsed_and_printed)
{
    struct ip_address a;

    CHECK(ip_parse("192.168.7.20", &a) == OK);
    CHECK_TEXT(ip_text(a).s, "192.168.7.20");
    CHECK(ipv4_number(a) == 0xc0a80714);
    CHECK(ip_equal(a, ipv4_of_number(0xc0a80714)));
    CHECK(ip_parse("0.0.0.0", &a) == OK && ip_is_ipv4(a));
    CHECK_TEXT(ip_text(a).s, "0.0.0.0");
}

TEST(ip_parse_refuses_what_is_not_an_ipv4_address)
{
    static const char *const wrong[] = {
        "",
        "1",
        "1.2.3",
        "1.2.3.",
        "1.2.3.4.",
        "1.2.3.256",
        "1.2.3.4 ",
        " 1.2.3.4",
        "1..2.3",
        "1.2.3.0004",
        "-1.2.3.4",
        "a.b.c.d",
        "1.2.3.4294967297",
        "::1",
    };
    struct ip_address a = ipv4_address(1, 1, 1, 1);

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK(ip_parse(wrong[i], &a) == ERR_FORMAT);
    CHECK(ip_equal(a, ipv4_address(1, 1, 1, 1)));
}

TEST(a_netmask_is_converted_to_the_length_of_its_prefix)
{
    unsigned bits = 99;

    CHECK(ipv4_prefix(ipv4_address(255, 255, 255, 0), &bits) == OK);
    CHECK(bits == 24);
    CHECK(ipv4_prefix(ipv4_address(0, 0, 0, 0), &bits) == OK && bits == 0);
    CHECK(ipv4_prefix(ipv4_address(255, 255, 255, 255), &bits) == OK);
    CHECK(bits == 32);
    CHECK(ipv4_prefix(ipv4_address(255, 0, 255, 0), &bits) == ERR_FORMAT);
    CHECK(bits == 32);
}

TEST(an_ipv6_address_is_printed_in_the_form_of_rfc_5952)
{
    CHECK_TEXT(ip_text((struct ip_address){{0}}).s, "::");
    CHECK_TEXT(ip_text((struct ip_address){{[15] = 1}}).s, "::1");
    CHECK_TEXT(ip_text((struct ip_address){{0x20, 1, 0xd, 0xb8, [15] = 1}}).s,
               "2001:db8::1");
    CHECK_TEXT(ip_text((struct ip_address){{0xfe, 0x80, [8] = 1}}).s,
               "fe80::100:0:0:0");
    CHECK_TEXT(ip_text((struct ip_address){{0, 1, 0, 2, 0, 0, 0, 4, 0, 5, 0,
                                            6, 0, 7, 0, 8}})
                   .s,
               "1:2:0:4:5:6:7:8");
}

TEST(an_ethernet_address_is_printed)
{
    CHECK_TEXT(mac_text((struct mac){{2, 0, 0xab, 0xcd, 0xef, 0x10}}).s,
               "02:00:ab:cd:ef:10");
}

TEST(multicast_loopback_and_zero_are_not_addresses_of_a_host)
{
    static const uint32_t hosts[] = {0x01000000, 0x0a000001, 0x7effffff,
                                     0x80000000, 0xdfffffff};
    static const uint32_t others[] = {0, 0x00ffffff, 0x7f000001, 0x7fffffff,
                                      0xe0000000, 0xefffffff, 0xf0000000,
                                      0xffffffff};

    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++)
        CHECK(ipv4_is_of_host(ipv4_of_number(hosts[i])));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        CHECK(!ipv4_is_of_host(ipv4_of_number(others[i])));
    CHECK(!ipv4_is_of_host((struct ip_address){{0x20, 1, [15] = 1}}));
}

TEST(network_and_broadcast_address_are_not_addresses_of_a_host)
{
    CHECK(ipv4_is_host_in(ipv4_address(10, 0, 0, 1), 24));
    CHECK(ipv4_is_host_in(ipv4_address(10, 0, 0, 254), 24));
    CHECK(!ipv4_is_host_in(ipv4_address(10, 0, 0, 0), 24));
    CHECK(!ipv4_is_host_in(ipv4_address(10, 0, 0, 255), 24));
    CHECK(ipv4_is_host_in(ipv4_address(10, 0, 0, 255), 23));
    CHECK(ipv4_is_host_in(ipv4_address(10, 0, 1, 0), 23));
    CHECK(!ipv4_is_host_in(ipv4_address(10, 0, 1, 255), 23));
    CHECK(!ipv4_is_host_in(ipv4_address(10, 0, 0, 4), 30));
    CHECK(!ipv4_is_host_in(ipv4_address(10, 0, 0, 7), 30));
    CHECK(ipv4_is_host_in(ipv4_address(10, 0, 0, 4), 31));
    CHECK(ipv4_is_host_in(ipv4_address(10, 0, 0, 5), 31));
    CHECK(ipv4_is_host_in(ipv4_address(10, 0, 0, 0), 32));
    CHECK(!ipv4_is_host_in(ipv4_address(127, 0, 0, 1), 8));
    CHECK(!ipv4_is_host_in(ipv4_address(224, 0, 0, 1), 32));
    CHECK(ipv4_is_host_in(ipv4_address(10, 0, 0, 1), 0));
}

TEST(addresses_with_equal_prefixes_are_in_the_same_network)
{
    struct ip_address a = ipv4_address(10, 0, 0, 1);

    CHECK(ipv4_same_network(a, ipv4_address(10, 0, 0, 254), 24));
    CHECK(!ipv4_same_network(a, ipv4_address(10, 0, 1, 1), 24));
    CHECK(ipv4_same_network(a, ipv4_address(10, 0, 1, 1), 23));
    CHECK(ipv4_same_network(a, ipv4_address(192, 0, 2, 1), 0));
    CHECK(ipv4_same_network(a, a, 32));
    CHECK(!ipv4_same_network(a, ipv4_address(10, 0, 0, 0), 32));
}
