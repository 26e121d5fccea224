#include <mirage/config.h>

JOB(start, console);

void configure(void)
{
    unikernel("none", start(default_console));
}
