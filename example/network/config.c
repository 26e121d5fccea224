/* SPDX-License-Identifier: ISC */
#include <mirage/config.h>

JOB(start, console, stackv4);

static stackv4 stack(void)
{
    const char *net = env("NET", "direct"), *address = env("ADDR", "dhcp");

    if (!is(net, "direct") && !is(net, "socket"))
        fail("NET=%s: expected direct or socket", net);
    if (!is(address, "dhcp") && !is(address, "static"))
        fail("ADDR=%s: expected dhcp or static", address);
    if (is(net, "socket"))
        return socket_stackv4(default_console, "0.0.0.0");
    if (is(address, "dhcp"))
        return direct_stackv4_with_dhcp(default_console, tap0);
    return direct_stackv4_with_default_ipv4(default_console, tap0);
}

void configure(void)
{
    unikernel("network", start(default_console, stack()));
}
