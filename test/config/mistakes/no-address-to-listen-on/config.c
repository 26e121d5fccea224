#include <mirage/config.h>

JOB(start, stackv4);

void configure(void)
{
    unikernel("mute", start(socket_stackv4(default_console)));
}
