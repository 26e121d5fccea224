#include <mirage/config.h>

JOB(start, network, stackv4);

void configure(void)
{
    stackv4 s = direct_stackv4_with_dhcp(default_console, netif("tap0"));

    unikernel("deaf", start(tap0, s));
}
