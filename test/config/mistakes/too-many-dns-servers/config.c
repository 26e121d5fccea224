#include <mirage/config.h>

JOB(start, console, dns);

void configure(void)
{
    stackv4 stack = direct_stackv4_with_dhcp(default_console, tap0);

    unikernel("named",
              start(default_console, resolver(stack, "10.0.0.1", "10.0.0.2",
                                              "10.0.0.3", "10.0.0.4")));
}
