#include <mirage/config.h>

JOB(start, network, network);

void configure(void)
{
    unikernel("deaf", start(tap0, netif("tap0")));
}
