#include <mirage/config.h>

JOB(start, stackv4, stackv4);

void configure(void)
{
    network one = netif("eth0"), two = netif("eth0");
    stackv4 s = direct_stackv4_with_dhcp(default_console, one);
    stackv4 t = direct_stackv4_with_dhcp(default_console, two);

    unikernel("deaf", start(s, t));
}
