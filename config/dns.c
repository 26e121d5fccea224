/* SPDX-License-Identifier: ISC */
/* Constructors of the device type dns (resolvers), and their drivers. */
#include "device.h"
#include <arpa/inet.h>
#undef resolver

#define MOST_SERVERS 3 /* DNS_SERVERS of mirage/dns.h */

static const struct device_type type = {.name = "dns"};

CONSTRUCTOR(stub) = {
    .name = "resolver",
    .type = &type,
    .on = {[EVERY_TARGET] = "dns_stub"},
    .takes_list = true,
};

dns resolver(stackv4 stack, const char *const *servers)
{
    struct node *n = device_of_device(&stub, stack.node);
    struct in_addr address;
    size_t named = 0;

    for (; servers[named]; named++) {
        if (inet_pton(AF_INET, servers[named], &address) != 1)
            config_fail(n->at, "resolver: \"%s\" is no IPv4 address of a DNS "
                               "server, such as \"10.0.0.1\"",
                        servers[named]);
        if (named == MOST_SERVERS)
            config_fail(n->at, "resolver: at most %d DNS servers can be named",
                        MOST_SERVERS);
        graph_text(n, servers[named]);
    }
    return (dns){n};
}
