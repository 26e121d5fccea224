/* SPDX-License-Identifier: ISC */
/*
 * Why an IPv4 address cannot be that of a host or gateway (RFC 1122, 3.2.1.3).
 */
#include "host_address.h"
#include <stddef.h>

const char *host_address_fault(struct ip_address ip, unsigned prefix)
{
    uint32_t a = ipv4_number(ip);

    if (ipv4_is_host_in(ip, prefix))
        return NULL;
    if (a == 0xffffffff)
        return "the address of all hosts, not of one";
    if (a >> 24 == 0)
        return "of 0.0.0.0/8, which no host can have";
    if (a >> 24 == 127)
        return "a loopback address, which is on no network";
    if (a >> 28 == 14)
        return "a multicast address, not that of a host";
    if (a >> 28 == 15)
        return "of 240.0.0.0/4, which is reserved";
    if (ipv4_same_network(ip, ipv4_of_number(a - 1), prefix))
        return "the broadcast address of its network, not that of a host";
    return "the address of the network itself, not of a host in it";
}

const char *gateway_fault(struct ip_address gateway, struct ip_address ip,
                          unsigned prefix)
{
    if (ipv4_number(gateway) == 0)
        return NULL;
    if (ip_equal(gateway, ip))
        return "our own address, and cannot be the gateway as well";
    if (prefix < 32 && !ipv4_same_network(gateway, ip, prefix))
        return "outside of our network, where a gateway cannot be reached";
    return host_address_fault(gateway, prefix);
}
