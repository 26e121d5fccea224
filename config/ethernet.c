/* SPDX-License-Identifier: ISC */
/* Constructors of the device type ethernet (Ethernet), and their drivers. */
#include "device.h"
#undef ethernet

static const struct device_type type = {.name = "ethernet"};

CONSTRUCTOR(over_network) = {
    .name = "ethernet",
    .type = &type,
    .on = {[EVERY_TARGET] = "ethernet"},
};

ethernet config_ethernet(network net)
{
    return (ethernet){device_of_device(&over_network, net.node)};
}
