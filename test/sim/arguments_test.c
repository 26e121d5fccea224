/* SPDX-License-Identifier: ISC */
/* Boot arguments of the direct stack: which values are accepted, and what they
 * change. An argument that was given stays for the tests that follow. */
#include "check.h"
#include "pair.h"
#include <core/boot.h>
#include <mirage/dns.h>
#include <mirage/drivers.h>
#include <net/stackv4_direct.h>

/* Whether the argument accepts the value. */
static bool accepts(const char *name, const char *value)
{
    const struct boot_argument *a = boot_arguments_first;

    while (a && strcmp(a->name, name) != 0)
        a = a->next;
    CHECK(a != NULL && a->parse != NULL);
    return a && a->parse(value) == NULL;
}

static bool is_ip(struct ip_address ip, uint8_t a, uint8_t b, uint8_t c,
                  uint8_t d)
{
    return ip_equal(ip, ipv4_address(a, b, c, d));
}

/* A stack as config.c has it: 10.0.0.2/24 with the gateway 10.0.0.1. */
static enum status connect(struct direct **d)
{
    struct network *net;
    struct stackv4 *s = NULL;
    enum status status;

    CHECK(sim_network("wire", 1500, 0, &net) == OK);
    status = stackv4_static_connect(&pair_quiet, net, "10.0.0.2",
                                    "255.255.255.0", "10.0.0.1", &s);
    if (status == OK)
        *d = containing(s, struct direct, stack);
    return status;
}

TEST(without_arguments_the_address_is_that_of_the_configuration)
{
    struct direct *d;

    CHECK(connect(&d) == OK);
    CHECK(is_ip(d->address.ip, 10, 0, 0, 2) && d->address.prefix == 24);
    CHECK(is_ip(d->address.gateway, 10, 0, 0, 1) && d->mtu == 1500);
    CHECK(d->tcp->congestion == &tcp_cubic && d->tcp->ecn == TCPV4_ECN_ANSWER);
    stackv4_direct_disconnect(&d->stack);
}

TEST(an_mtu_is_from_68_to_65535_bytes_and_the_least_counts)
{
    static const char *const wrong[] = {"", "1", "67", "65536", "99999999999",
                                        "-1", "1400 ", "1400x", "0x600", ":"};
    struct direct *d;

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        CHECK(!accepts("mtu", wrong[i]));
    CHECK(accepts("mtu", "65535"));
    CHECK(connect(&d) == OK && d->mtu == 1500 && ipv4_mtu(d->ip) == 1500);
    stackv4_direct_disconnect(&d->stack);
    CHECK(accepts("mtu", "68"));
    CHECK(connect(&d) == OK && d->mtu == 68 && ipv4_mtu(d->ip) == 68);
    stackv4_direct_disconnect(&d->stack);
    CHECK(accepts("mtu", "0")); /* the device's */
    CHECK(connect(&d) == OK && ipv4_mtu(d->ip) == 1500);
    stackv4_direct_disconnect(&d->stack);
}

TEST(congestion_control_and_ecn_are_chosen)
{
    struct direct *d;

    CHECK(!accepts("tcp_congestion", "") && !accepts("tcp_congestion", "reno"));
    CHECK(!accepts("tcp_ecn", "") && !accepts("tcp_ecn", "yes"));
    CHECK(accepts("tcp_congestion", "newreno") && accepts("tcp_ecn", "never"));
    CHECK(connect(&d) == OK && d->tcp->congestion == &tcp_newreno);
    CHECK(d->tcp->ecn == TCPV4_ECN_NEVER);
    stackv4_direct_disconnect(&d->stack);
    CHECK(accepts("tcp_congestion", "cubic") && accepts("tcp_ecn", "ask"));
    CHECK(connect(&d) == OK && d->tcp->congestion == &tcp_cubic);
    CHECK(d->tcp->ecn == TCPV4_ECN_ASK);
    stackv4_direct_disconnect(&d->stack);
}

TEST(one_to_three_dns_servers_replace_those_of_the_configuration)
{
    static const char *const configured[] = {"10.0.0.53", NULL};
    static const char *const wrong[] = {
        "", ",", "10.0.0.1,", ",10.0.0.1", "10.0.0.1,,10.0.0.2", "0.0.0.0",
        "224.0.0.1", "255.255.255.255", "10.0.0.1.2", "dns.example",
        "10.0.0.1000000000000", "10.0.0.1,10.0.0.2,10.0.0.3,10.0.0.4"};
    struct ip_address servers[DNS_SERVERS];
    struct direct *d;
    struct dns *dns;

    CHECK(connect(&d) == OK);
    CHECK(dns_stub_connect(&d->stack, configured, &dns) == OK);
    CHECK(dns_servers(dns, servers) == 1 && is_ip(servers[0], 10, 0, 0, 53));
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        CHECK(!accepts("dns", wrong[i]));
    CHECK(accepts("dns", "10.0.0.1,10.0.0.2,10.0.0.3"));
    CHECK(dns_servers(dns, servers) == 3 && is_ip(servers[0], 10, 0, 0, 1) &&
          is_ip(servers[1], 10, 0, 0, 2) && is_ip(servers[2], 10, 0, 0, 3));
    CHECK(accepts("dns", "192.168.100.200"));
    CHECK(dns_servers(dns, servers) == 1 &&
          is_ip(servers[0], 192, 168, 100, 200));
    dns_disconnect(dns);
    stackv4_direct_disconnect(&d->stack);
}

TEST(an_address_of_the_arguments_replaces_that_of_the_configuration_or_dhcp)
{
    static const char *const wrong[] = {
        "", "10.0.0.9", "10.0.0.9/", "/24", "10.0.0.9/33", "10.0.0.9/099",
        "10.0.0.9/2a", "10.0.0.9/-1", "10.0.0/24", "300.0.0.1/8",
        "255.255.255.2555/24"};
    static const char *const patience[] = {"--dhcp-wait=10"};
    struct network *net;
    struct stackv4 *s;
    struct stackv4_address a;
    struct direct *d;

    /* Or a fault would make it wait for a server, for ever. */
    boot_arguments(patience, 1, false);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        CHECK(!accepts("ipv4", wrong[i]));
    CHECK(accepts("ipv4", "10.0.0.9/16"));
    CHECK(connect(&d) == OK && is_ip(d->address.ip, 10, 0, 0, 9));
    CHECK(d->address.prefix == 16);
    CHECK(is_ip(d->address.gateway, 0, 0, 0, 0)); /* it went with the other */
    stackv4_direct_disconnect(&d->stack);
    CHECK(sim_network("wire", 1500, 0, &net) == OK);
    s = NULL;
    CHECK(stackv4_dhcp_connect(&pair_quiet, net, &s) == OK && s);
    if (!s)
        return;
    stackv4_address(s, &a);
    CHECK(is_ip(a.ip, 10, 0, 0, 9) && a.prefix == 16);
    stackv4_direct_disconnect(s);
    /* Well-formed, but of no host. */
    CHECK(accepts("ipv4", "10.0.255.255/16") && connect(&d) == ERR_FORMAT);
    CHECK(accepts("ipv4", "255.255.255.255/32") && connect(&d) == ERR_FORMAT);
    CHECK(accepts("ipv4", "100.200.100.200/32") && connect(&d) == OK);
    CHECK(is_ip(d->address.ip, 100, 200, 100, 200) && d->address.prefix == 32);
    stackv4_direct_disconnect(&d->stack);
}
