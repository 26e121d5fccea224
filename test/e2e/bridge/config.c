/* SPDX-License-Identifier: ISC */
#include <mirage/config.h>

JOB(start, console, network, network);

void configure(void)
{
    unikernel("bridge", start(default_console, netif(env("LEFT", "tap0")),
                              netif(env("RIGHT", "tap1"))));
}
