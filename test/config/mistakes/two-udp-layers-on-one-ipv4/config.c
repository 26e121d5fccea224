#include <mirage/config.h>

JOB(start, udpv4, udpv4);

void configure(void)
{
    ipv4 ip = ipv4(ethernet(tap0), "10.0.0.2", "255.255.255.0", "");
    udpv4 one = udpv4(ip);
    udpv4 two = udpv4(ip);

    unikernel("layers", start(one, two));
}
