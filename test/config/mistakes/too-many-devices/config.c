#include <mirage/config.h>

JOB(start, console);

void configure(void)
{
    unikernel("many", start(default_console, default_console));
}
