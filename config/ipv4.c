/* SPDX-License-Identifier: ISC */
/* Constructors of the device type ipv4 (IPv4 layers), and their drivers. */
#include "device.h"
#undef ipv4

static const struct device_type type = {.name = "ipv4"};

CONSTRUCTOR(over_ethernet) = {
    .name = "ipv4",
    .type = &type,
    .on = {[EVERY_TARGET] = "ipv4_static"},
};

ipv4 config_ipv4(ethernet link, const char *address, const char *netmask,
                 const char *gateway)
{
    struct node *n = device_of_device(&over_ethernet, link.node);

    graph_text(n, address);
    graph_text(n, netmask);
    graph_text(n, gateway);
    return (ipv4){n};
}
