#include <mirage/config.h>

JOB(start, console, console);

void configure(void)
{
    unikernel("shape", start(default_console, default_console));
}
