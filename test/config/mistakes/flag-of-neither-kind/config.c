#include <mirage/config.h>

void configure(void)
{
    env_flag("DHCP");
}
