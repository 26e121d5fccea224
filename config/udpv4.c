/* SPDX-License-Identifier: ISC */
/* Constructors of the device type udpv4 (UDP layers), and their drivers. */
#include "device.h"
#undef udpv4

static const struct device_type type = {.name = "udpv4"};

CONSTRUCTOR(over_ipv4) = {
    .name = "udpv4",
    .type = &type,
    .on = {[EVERY_TARGET] = "udpv4"},
};

udpv4 config_udpv4(ipv4 ip)
{
    return (udpv4){device_of_device(&over_ipv4, ip.node)};
}
