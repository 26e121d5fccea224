/* SPDX-License-Identifier: ISC */
/* Constructors of the device type network, and their drivers. */
#include "device.h"
#undef netif

static const struct device_type type = {.name = "network"};

CONSTRUCTOR(first) = {
    .name = "tap0",
    .type = &type,
    .on = {[UNIX] = "network_unix",
           [XEN] = "network_xen",
           [VIRTIO] = "network_virtio",
           [SIM] = "network_sim"},
    .is_value = true,
};

CONSTRUCTOR(by_name) = {
    .name = "netif",
    .type = &type,
    .on = {[UNIX] = "network_unix",
           [XEN] = "network_xen",
           [VIRTIO] = "network_virtio",
           [SIM] = "network_sim"},
};

network config_tap0(void)
{
    static struct node *n;

    return (network){device_once(&n, &first, "tap0")};
}

network netif(const char *name)
{
    return (network){device_of_text(&by_name, name)};
}
