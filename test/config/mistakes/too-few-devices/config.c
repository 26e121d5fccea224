#include <mirage/config.h>

JOB(start, console, console);

void configure(void)
{
    unikernel("few", start(default_console));
}
