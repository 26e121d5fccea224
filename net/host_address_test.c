/* SPDX-License-Identifier: ISC */
/* Addresses that a host or a gateway can have. */
#include "check.h"
#include "host_address.h"
#include <string.h>

static bool host(const char *ip, unsigned prefix)
{
    struct ip_address a;

    CHECK(ip_parse(ip, &a) == OK);
    return host_address_fault(a, prefix) == NULL;
}

static bool gateway(const char *gateway, const char *ip, unsigned prefix)
{
    struct ip_address a, g;

    CHECK(ip_parse(ip, &a) == OK);
    CHECK(ip_parse(gateway, &g) == OK);
    return gateway_fault(g, a, prefix) == NULL;
}

TEST(addresses_in_the_middle_of_a_network_are_accepted)
{
    CHECK(host("10.0.0.1", 24) && host("10.0.0.254", 24));
    CHECK(host("1.0.0.0", 6) && host("223.255.255.255", 1));
    CHECK(host("10.0.0.255", 16) && host("10.0.1.0", 16));
    CHECK(host("126.255.255.255", 0) && host("128.0.0.0", 0));
    CHECK(host("192.168.1.1", 30) && host("192.168.1.2", 30));
}

TEST(addresses_of_no_host_are_refused_with_every_prefix)
{
    static const char *const none[] = {
        "0.0.0.0", "0.0.0.1", "0.255.255.255", "127.0.0.1",
        "127.255.255.254", "224.0.0.0", "224.0.0.1", "239.255.255.255",
        "240.0.0.1", "255.0.0.1", "255.255.255.254", "255.255.255.255"};

    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        for (unsigned prefix = 0; prefix <= 32; prefix++)
            CHECK(!host(none[i], prefix));
}

TEST(network_and_broadcast_addresses_are_refused)
{
    CHECK(!host("10.0.0.0", 24) && !host("10.0.0.255", 24));
    CHECK(!host("10.0.0.0", 8) && !host("10.255.255.255", 8));
    CHECK(!host("192.168.1.0", 30) && !host("192.168.1.3", 30));
    CHECK(!host("128.0.0.0", 1) && !host("127.255.255.255", 1));
}

TEST(networks_of_31_and_32_bits_have_only_host_addresses)
{
    CHECK(host("10.0.0.0", 31) && host("10.0.0.1", 31));
    CHECK(host("10.0.0.255", 31) && host("10.0.0.254", 31));
    CHECK(host("10.0.0.0", 32) && host("10.0.0.255", 32));
}

TEST(a_gateway_must_be_another_host_of_the_network)
{
    CHECK(gateway("10.0.0.1", "10.0.0.2", 24));
    CHECK(gateway("0.0.0.0", "10.0.0.2", 24));
    CHECK(gateway("10.0.0.3", "10.0.0.2", 31));
    CHECK(!gateway("10.0.0.2", "10.0.0.2", 24));
    CHECK(!gateway("10.0.1.1", "10.0.0.2", 24));
    CHECK(!gateway("10.0.0.0", "10.0.0.2", 24));
    CHECK(!gateway("10.0.0.255", "10.0.0.2", 24));
    CHECK(!gateway("10.0.0.1", "10.0.0.2", 31));
    CHECK(!gateway("127.0.0.1", "10.0.0.2", 0));
    CHECK(!gateway("224.0.0.1", "10.0.0.2", 0));
}

TEST(a_host_with_a_prefix_of_32_may_have_any_gateway)
{
    CHECK(gateway("10.0.0.1", "10.0.0.2", 32));
    CHECK(gateway("169.254.1.1", "203.0.113.7", 32));
    CHECK(!gateway("10.0.0.2", "10.0.0.2", 32));
    CHECK(!gateway("127.0.0.1", "10.0.0.2", 32));
    CHECK(!gateway("224.0.0.1", "10.0.0.2", 32));
}

TEST(a_fault_describes_the_address)
{
    CHECK(strstr(host_address_fault(ipv4_address(10, 0, 0, 255), 24),
                 "broadcast"));
    CHECK(strstr(host_address_fault(ipv4_address(10, 0, 0, 0), 24),
                 "network itself"));
    CHECK(strstr(gateway_fault(ipv4_address(10, 0, 1, 1),
                               ipv4_address(10, 0, 0, 2), 24),
                 "outside"));
}
