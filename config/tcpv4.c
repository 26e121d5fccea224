/* SPDX-License-Identifier: ISC */
/* Constructors of the device type tcpv4 (TCP layers), and their drivers. */
#include "device.h"
#undef tcpv4

static const struct device_type type = {.name = "tcpv4"};

CONSTRUCTOR(over_ipv4) = {
    .name = "tcpv4",
    .type = &type,
    .on = {[EVERY_TARGET] = "tcpv4"},
};

tcpv4 config_tcpv4(ipv4 ip)
{
    return (tcpv4){device_of_device(&over_ipv4, ip.node)};
}
