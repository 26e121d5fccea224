/* SPDX-License-Identifier: ISC */
#include <mirage/config.h>

JOB(start, console, stackv4);

static stackv4 stack(void)
{
    const char *net = env("NET", "direct");
    bool dhcp = env_flag("DHCP");

    if (is(net, "socket"))
        return socket_stackv4(default_console, "0.0.0.0");
    if (!is(net, "direct"))
        fail("NET=%s: expected direct or socket", net);
    if (dhcp)
        return direct_stackv4_with_dhcp(default_console, tap0);
    return direct_stackv4_with_default_ipv4(default_console, tap0);
}

void configure(void)
{
    unikernel("stackv4", start(default_console, stack()));
}
