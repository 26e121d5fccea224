/* SPDX-License-Identifier: ISC */
/* Constructors of the device type stackv4, and their drivers. */
#include "device.h"
#include "place.h"
#undef direct_stackv4_with_default_ipv4
#undef direct_stackv4_with_static_ipv4
#undef direct_stackv4_with_dhcp
#undef socket_stackv4

static const struct device_type type = {.name = "stackv4",
                                        .finish = "stackv4_finish"};

CONSTRUCTOR(with_default_ipv4) = {
    .name = "direct_stackv4_with_default_ipv4",
    .type = &type,
    .on = {[UNIX] = "stackv4_default",
           [XEN] = "stackv4_default",
           [VIRTIO] = "stackv4_default",
           [SIM] = "stackv4_default"},
};

CONSTRUCTOR(with_static_ipv4) = {
    .name = "direct_stackv4_with_static_ipv4",
    .type = &type,
    .on = {[UNIX] = "stackv4_static",
           [XEN] = "stackv4_static",
           [VIRTIO] = "stackv4_static",
           [SIM] = "stackv4_static"},
};

CONSTRUCTOR(with_dhcp) = {
    .name = "direct_stackv4_with_dhcp",
    .type = &type,
    .on = {[UNIX] = "stackv4_dhcp",
           [XEN] = "stackv4_dhcp",
           [VIRTIO] = "stackv4_dhcp",
           [SIM] = "stackv4_dhcp"},
};

CONSTRUCTOR(of_sockets) = {
    .name = "socket_stackv4",
    .type = &type,
    .on = {[UNIX] = "stackv4_socket",
           [MACOSX] = "stackv4_socket"},
    .nature = "uses the host's TCP/IP",
    .instead = &with_default_ipv4,
    .takes_list = true,
};

static struct node *direct(const struct constructor *c, console log,
                           network net)
{
    struct node *n = device_of_device(c, log.node);

    graph_device(n, net.node);
    return n;
}

stackv4 direct_stackv4_with_default_ipv4(console log, network net)
{
    return (stackv4){direct(&with_default_ipv4, log, net)};
}

stackv4 direct_stackv4_with_static_ipv4(console log, network net,
                                        const char *address,
                                        const char *netmask,
                                        const char *gateway)
{
    struct node *n = direct(&with_static_ipv4, log, net);

    graph_text(n, address);
    graph_text(n, netmask);
    graph_text(n, gateway);
    return (stackv4){n};
}

stackv4 direct_stackv4_with_dhcp(console log, network net)
{
    return (stackv4){direct(&with_dhcp, log, net)};
}

stackv4 socket_stackv4(console log, const char *const *addresses)
{
    struct node *n;

    if (!*addresses)
        config_fail(place_of_call(), "socket_stackv4 wants an address to "
                                     "listen on, such as \"0.0.0.0\"");
    n = device_of_device(&of_sockets, log.node);
    for (; *addresses; addresses++)
        graph_text(n, *addresses);
    return (stackv4){n};
}
