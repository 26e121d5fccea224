/* SPDX-License-Identifier: ISC */
#include "host_address.h"
#include <stddef.h>

static uint32_t mask_of(unsigned prefix)
{
    return prefix == 0 ? 0 : 0xffffffffu << (32 - prefix);
}

const char *host_address_fault(struct ip_address ip, unsigned prefix)
{
    uint32_t a = ipv4_number(ip), mask = mask_of(prefix);

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
    if (prefix >= 31)
        return NULL;
    if ((a & ~mask) == 0)
        return "the address of the network itself, not of a host in it";
    if ((a | mask) == 0xffffffff)
        return "the broadcast address of its network, not that of a host";
    return NULL;
}

const char *gateway_fault(struct ip_address gateway, struct ip_address ip,
                          unsigned prefix)
{
    uint32_t g = ipv4_number(gateway), own = ipv4_number(ip);

    if (g == 0)
        return NULL;
    if (g == own)
        return "our own address, and cannot be the gateway as well";
    if (prefix < 32 && ((g ^ own) & mask_of(prefix)) != 0)
        return "outside of our network, where a gateway cannot be reached";
    return host_address_fault(gateway, prefix);
}
