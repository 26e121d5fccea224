#include <mirage/config.h>

JOB(serve, stackv4);

void configure(void)
{
    job a = serve(direct_stackv4_with_default_ipv4(default_console, tap0));
    job b = serve(direct_stackv4_with_dhcp(default_console, tap0));

    unikernel("deaf", together(a, b));
}
