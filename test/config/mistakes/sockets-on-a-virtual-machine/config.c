#include <mirage/config.h>

JOB(start, console, stackv4);

void configure(void)
{
    unikernel("stackv4",
              start(default_console,
                    socket_stackv4(default_console, "0.0.0.0", "127.0.0.1")));
}
