/* SPDX-License-Identifier: ISC */
/*
 * host_address: which IPv4 addresses a host and its gateway can have (RFC 1122,
 * 3.2.1.3; RFC 3021). For addresses that a person or a DHCP server gives us.
 */
#ifndef NET_HOST_ADDRESS_H
#define NET_HOST_ADDRESS_H

#include <mirage/address.h>

/*
 * Returns why no host can have the address ip in a network of prefix bits, 0 to
 * 32, as words that complete "10.0.0.255/24 is"; NULL if a host can have it.
 * Networks of 31 and 32 bits have no network or broadcast address (RFC 3021).
 */
const char *host_address_fault(struct ip_address ip, unsigned prefix);

/*
 * Returns why gateway cannot be the gateway of the host ip in a network of
 * prefix bits, as words that complete "10.0.1.1 is"; NULL if it can be, or is
 * 0.0.0.0 (no gateway). The gateway must be another host of the network. A
 * host with a prefix of 32 bits is alone in its network, so that its gateway is
 * any other host, which must be on the link.
 */
const char *gateway_fault(struct ip_address gateway, struct ip_address ip,
                          unsigned prefix);

#endif
