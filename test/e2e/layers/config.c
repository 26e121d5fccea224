/* SPDX-License-Identifier: ISC */
/* Two hosts of layers, on one network or, with LAN, on two that are joined. */
#include <mirage/config.h>

JOB(serve, udpv4, tcpv4);
JOB(ask, console, udpv4, tcpv4);

static ipv4 host(const char *name, const char *address)
{
    return ipv4(ethernet(netif(name)), address, "255.255.255.0",
                "10.0.0.1");
}

void configure(void)
{
    ipv4 server = host("lan", "10.0.0.2");
    ipv4 client = host(env("LAN", "lan"), env("CLIENT", "10.0.0.3"));

    unikernel("layers", together(serve(udpv4(server), tcpv4(server)),
                                 ask(default_console, udpv4(client),
                                     tcpv4(client))));
}
