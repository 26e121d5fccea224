#include <mirage/config.h>

JOB(start, console);

void configure(void)
{
    unikernel("console", start(default_console));
}
